"""What `up` has to say while it runs, for whoever shows it."""

from collections.abc import Sequence
from typing import Protocol

from sekisho.model.problems import Problem


class Voice(Protocol):
    """Somebody who listens to `up`."""

    def done(self, what: str, detail: str = "") -> None:
        """A step is done, or a thing is well again."""
        ...

    def note(self, text: str) -> None:
        """Something worth knowing happened."""
        ...

    def trouble(self, text: str, advice: str = "") -> None:
        """Something is wrong that is in no file."""
        ...

    def problems(self, problems: Sequence[Problem]) -> None:
        """Mistakes in files, each with file and line."""
        ...
