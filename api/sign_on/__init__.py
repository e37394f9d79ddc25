"""Sign-on by OpenID Connect: officers and applicants, each with a provider of their own."""
