"""Questions to the common superior agency."""
