"""Where resources live: one protocol (get, list, watch, compare-and-swap), several implementations."""
