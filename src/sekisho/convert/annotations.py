"""Annotations as settings: which were read, and which nobody knows."""

from collections.abc import Mapping

from sekisho.convert.result import Report
from sekisho.model import paths

PREFIX = "nginx.ingress.kubernetes.io/"


class Annotations:
    """Those of one Ingress that are nginx's."""

    def __init__(self, report: Report, source: int, written: Mapping[str, str]) -> None:
        self._report, self._source = report, source
        self._written = {
            key.removeprefix(PREFIX): value for key, value in written.items() if key.startswith(PREFIX)
        }
        self._read: set[str] = set()

    def text(self, name: str) -> str:
        """Empty where it is not there."""
        self._read.add(name)
        return self._written.get(name, "").strip()

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`"true"` is true."""
        found = self.text(name)
        return found.lower() == "true" if found else default

    def number(self, name: str) -> int:
        """0 where it is none."""
        found = self.text(name)
        if found and not found.isdigit():
            self.note(name, f"{found!r} is not a number")
        return int(found) if found.isdigit() else 0

    def listed(self, name: str) -> list[str]:
        """Parts between commas."""
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def note(self, name: str, message: str) -> None:
        """Something about one of them."""
        self._report.note(self._source, paths.entry("metadata.annotations", f"{PREFIX}{name}"), message)

    def note_unread(self) -> None:
        """Tells of those that nobody asked for."""
        for name in sorted(self._written.keys() - self._read):
            self.note(name, "is not converted")
