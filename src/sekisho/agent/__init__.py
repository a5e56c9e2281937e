"""Beside the proxies: the Envoy processes, their keys, the relay of their configuration, last known good."""
