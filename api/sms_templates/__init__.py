"""Templates of text messages, and the slots they stand in."""
