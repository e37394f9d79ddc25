"""The movable clock of the training mode."""
