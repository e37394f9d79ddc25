"""Applications at the counter, before they become cases."""
