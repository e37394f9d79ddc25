"""Channel systems: what the web hall, terminals and apps ask for, for the people who use them."""
