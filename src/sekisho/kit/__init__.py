"""Durations, text, digests: knows nothing of proxies."""
