"""Log-in and log-out of officers."""
