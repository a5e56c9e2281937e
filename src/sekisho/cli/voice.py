"""`up` on the terminal."""

from collections.abc import Sequence
from contextlib import suppress

from rich.text import Text

from sekisho.cli.terminal import err, show_failure, show_problems
from sekisho.model.problems import Problem


def say(*parts: str | tuple[str, str] | Text) -> None:
    """One line on stderr. A terminal that is gone is no reason not to end in order."""
    with suppress(OSError):
        err.print(Text.assemble(*parts))


class TerminalVoice:
    """Implements `app.voice.Voice`; everything goes to stderr."""

    def done(self, what: str, detail: str = "") -> None:
        say(("✓ ", "green"), (what, "bold"), f"  {detail}" if detail else "")

    def note(self, text: str) -> None:
        say(text)

    def trouble(self, text: str, advice: str = "") -> None:
        with suppress(OSError):
            show_failure(text, advice)

    def problems(self, problems: Sequence[Problem]) -> None:
        with suppress(OSError):
            show_problems(problems)
