"""Who is let in, and the certificates that are made for them."""
