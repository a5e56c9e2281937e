"""Asyncio manners: named tasks, back-off, clock, signals."""
