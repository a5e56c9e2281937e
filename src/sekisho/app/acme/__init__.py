"""`sekisho demo`: acme.corp in two clouds, what works between them, and what goes on when things break."""
