"""Notices to officers, and reading them."""
