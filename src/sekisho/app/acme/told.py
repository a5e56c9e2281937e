"""What the demo has to say while it runs, for whoever shows it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sekisho.app.acme.load import Tally
from sekisho.app.voice import Voice


class Step(NamedTuple):
    """One thing that was tried, and how it went."""

    what: str
    path: str
    """Through whom the request went, or what was seen."""
    milliseconds: float | None = None
    """How long it took; None where that says nothing."""
    fault: str = ""
    """What went wrong; empty when all went well."""


class Stage(Voice, Protocol):
    """Somebody who watches the demo."""

    def chapter(self, title: str) -> None:
        """A part of the story begins."""
        ...

    def step(self, step: Step) -> None:
        """It was tried."""
        ...

    def table(self, tallies: Sequence[Tally]) -> None:
        """How the requests in the background go at this moment; replaces the last one."""
        ...

    def table_over(self) -> None:
        """The last table is taken away; what comes is shown in its place."""
        ...
