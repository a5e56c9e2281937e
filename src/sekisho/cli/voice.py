"""`up` on the terminal."""

from collections.abc import Sequence

from rich.text import Text

from sekisho.cli.terminal import err, show_failure, show_problems
from sekisho.model.problems import Problem


class TerminalVoice:
    """Implements `app.voice.Voice`; everything goes to stderr."""

    def done(self, what: str, detail: str = "") -> None:
        err.print(Text.assemble(("✓ ", "green"), (what, "bold"), f"  {detail}" if detail else ""))

    def note(self, text: str) -> None:
        err.print(Text(text))

    def trouble(self, text: str, advice: str = "") -> None:
        show_failure(text, advice)

    def problems(self, problems: Sequence[Problem]) -> None:
        show_problems(problems)
