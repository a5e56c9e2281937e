"""The loop: watch, engine, publish, status."""
