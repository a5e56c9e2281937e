"""Model to IR: pure queries over the engine."""
