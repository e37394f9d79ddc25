"""Whether an agency can begin: the check before a city goes live."""
