"""How far is my case? For applicants, without log-in."""
