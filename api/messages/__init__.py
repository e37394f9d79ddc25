"""The outbox: text messages, what became of them, and sending again."""
