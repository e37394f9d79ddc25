"""What protects people's data: the key ring, the masks, the change of keys."""
