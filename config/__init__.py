"""Settings, the law's numbers, the province and its services. A leaf: imports nothing of ours."""
