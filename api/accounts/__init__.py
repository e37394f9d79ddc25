"""Accounts of officers: who may log in, with which roles."""
