"""Working days as official notices and local orders make them."""
