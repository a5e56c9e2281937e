"""The tests; `unit` mirrors `src`."""
