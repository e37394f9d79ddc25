"""Human work: lists, acquisition, completion."""
