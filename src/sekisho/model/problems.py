"""How Sekisho says that something is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from sekisho.model.reasons import Reason


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A mistake its author can fix. A value: it travels to the writer or to the resource's status."""

    path: str
    """Where it was written: `spec.rules[0].backendRefs[1].name`. Empty for the whole document."""
    message: str
    """What is wrong and what was expected, in lower case, without a full stop."""
    hint: str = ""
    """The next step, when there is an obvious one: `did you mean "hostnames"?`."""
    reason: str = Reason.INVALID
    """A `Reason`."""
    line: int = 0
    """Line in the file it was read from, counted from 1; 0 when there is no file."""
    file: str = ""
    """The file it was read from; empty when there is none."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        path = f"{self.path}: " if self.path else ""
        return f"{place}{path}{self.message}{f' ({self.hint})' if self.hint else ''}"


class Invalid(Exception):
    """A document was refused; carries every problem found, not the first one only."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)
