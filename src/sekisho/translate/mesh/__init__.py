"""Mesh: Workloads, Services and routes between them → what sidecars must do."""
