"""Typed client of the API (of any Kubernetes-shaped API)."""
