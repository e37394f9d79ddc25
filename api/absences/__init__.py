"""Leaves of officers, and who stands in."""
