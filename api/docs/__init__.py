"""The documentation page of the API: static files that load nothing from outside."""
