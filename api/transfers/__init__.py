"""Transfers of cases between agencies."""
