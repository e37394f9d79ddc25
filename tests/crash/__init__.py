"""`make crash`: kill the system anywhere, again and again, and compare what is left with what its clients were told."""
