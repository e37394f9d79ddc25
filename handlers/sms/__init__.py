"""Gateways for text messages (短信网关): one interface, several real ones behind it."""
