"""Asyncio manners: named tasks, settled watches, back-off, clock."""
