"""What applicants do by themselves: log in, apply, see how far their cases are."""
