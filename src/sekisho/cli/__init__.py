"""What people type: one file per noun. Talks to `client`, starts processes through `app`."""

from sekisho.cli.commands import main

__all__ = ["main"]
