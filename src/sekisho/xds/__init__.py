"""Delta ADS: session (no I/O), order, views, transports. Knows the protocol, not gateways or meshes."""
