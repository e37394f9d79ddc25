"""What somebody tries who does not mean well: one file per kind of attack."""
