"""The ways a client may describe a change: merge, JSON and strategic patches, and server-side apply."""
