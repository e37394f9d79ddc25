"""Workflow and case work. Knows no HTTP and no law: both are given to it by `api.app`."""
