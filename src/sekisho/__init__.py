"""Sekisho: proxy, API gateway and service mesh in one; a Python control plane for real Envoys."""

__version__ = "0.1.0"
