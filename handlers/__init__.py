"""What the service tasks of the diagrams name: one family of operators per file."""
