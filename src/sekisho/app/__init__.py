"""Composition root: settings, and one file per process (up, control_plane, agent)."""
