"""What there is: services, agencies, outlets, forms, operators."""
