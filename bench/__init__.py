"""Benchmarks: `make bench`, or `make bench BENCH=fan-out`. Each prints rows and says what must hold."""
