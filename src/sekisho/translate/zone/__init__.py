"""Zones: what this one shows to others, how it lets them in, and how their Services are called from here."""
