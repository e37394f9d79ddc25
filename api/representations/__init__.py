"""Who acts for whom, as officers record it."""
