"""Backup and restore: the database and the files in one archive, without the keys."""
