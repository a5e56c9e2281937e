"""Capture: the kernel hands a workload's connections to its proxy, and the application need not know."""
