"""What people type: one file per noun. Talks to `client`, starts processes through `app`."""

from importlib import import_module

INTERRUPTED = 130
"""The shell's exit code for Ctrl-C: 128 + SIGINT."""


def main() -> None:
    """The `sekisho` command. Imports within, so that Ctrl-C is quiet from the first moment on."""
    try:
        import_module("sekisho.cli.commands").main()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
