"""Authorities, certificates from CSRs, tokens."""
