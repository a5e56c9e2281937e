"""The loop: watch, settle, engine, publish, status."""
