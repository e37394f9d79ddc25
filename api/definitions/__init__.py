"""Diagrams and decision tables: read, check, publish."""
