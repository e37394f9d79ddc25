"""Steps of the system that failed, and their retry."""
