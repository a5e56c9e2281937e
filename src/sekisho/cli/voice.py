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


def say_wrapped(*parts: str | tuple[str, str], indent: int = 0) -> None:
    """As `say`; on a terminal, lines break between words, and go on further in than `indent`."""
    text = Text.assemble(*parts)
    first, *rest = text.wrap(err, err.width - indent - 2) if err.is_terminal else [text]
    lines = [Text(" " * indent) + first, *(Text(" " * (indent + 2)) + line for line in rest)]
    say(Text("\n").join(lines))


class TerminalVoice:
    """Implements `app.voice.Voice`; everything goes to stderr."""

    def done(self, what: str, detail: str = "") -> None:
        say_wrapped(("✓ ", "green"), (what, "bold"), f"  {detail}" if detail else "")

    def note(self, text: str) -> None:
        say(text)

    def trouble(self, text: str, advice: str = "") -> None:
        with suppress(OSError):
            show_failure(text, advice)

    def problems(self, problems: Sequence[Problem]) -> None:
        with suppress(OSError):
            show_problems(problems)
