"""Whoever `up` talks to, in a test."""

from sekisho.app.voice import Voice


class Troubles(Voice):
    """Remembers troubles and nothing else."""

    def __init__(self) -> None:
        self.troubles: list[str] = []

    def trouble(self, text: str, advice: str = "") -> None:
        self.troubles.append(text)
