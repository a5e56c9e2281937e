"""`sekisho demo`: two clouds, at addresses of this test's own; every step of the story behaves."""

import asyncio
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from tests.kit.evidence import process_folder
from tests.kit.example import EXAMPLES
from tests.kit.ports import free_port, own_number
from tests.kit.voice import Troubles

from sekisho.app.acme import demo as acme
from sekisho.app.acme import story
from sekisho.app.acme.load import Tally
from sekisho.app.acme.told import Step
from sekisho.app.settings import Demo

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

ZONES = re.compile(r"\b127\.0\.(20|30)\.")
LOOPBACK = re.compile(r"\b127\.(2[0-9]|3[0-9])\.0\.0/16")
PROGRAMS = re.compile(r"\b90[23][0-9]\b")


class Watching(Troubles):
    """Implements `told.Stage`."""

    def __init__(self) -> None:
        super().__init__()
        self.chapters: list[str] = []
        self.steps: list[Step] = []

    def chapter(self, title: str) -> None:
        self.chapters.append(title)

    def step(self, step: Step) -> None:
        self.steps.append(step)

    def table(self, tallies: Sequence[Tally]) -> None:
        """Shown to people only."""

    def table_over(self) -> None:
        """Shown to people only."""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the example that meets nobody else's: other loopback addresses, free ports for programs."""
    with process_folder("sk-demo-") as root:
        shutil.copytree(EXAMPLES / "acme", root / "acme", ignore=shutil.ignore_patterns("__pycache__"))
        _moved(root)
        monkeypatch.setattr(acme, "acme", lambda: root / "acme")
        for limit in ("INSTANCE_WITHIN", "ZONE_WITHIN", "DENIED_WITHIN"):  # others use this machine, too
            monkeypatch.setattr(story, limit, 5 * getattr(story, limit))
        yield root
        for process in _of(root):
            process.kill()


def _moved(root: Path) -> None:
    net = 64 + 20 * own_number(4)
    ports: dict[str, str] = {}
    for path in (*root.rglob("*.yaml"), *root.rglob("*.toml")):
        text = ZONES.sub(lambda found: f"127.{net}.{found[1]}.", path.read_text())
        text = LOOPBACK.sub(lambda found: f"127.{net + 64 + int(found[1])}.0.0/16", text)
        text = PROGRAMS.sub(lambda found: ports.setdefault(found[0], str(free_port())), text)
        path.write_text(text)


def _of(root: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(root) in word for word in process.info["cmdline"] or ())
    ]


def test_every_step_behaves_and_nothing_is_left(folder: Path) -> None:
    watching = Watching()
    went_well = asyncio.run(acme.demo(Demo(state=folder / "state"), watching))
    assert [step.what for step in watching.steps if step.fault] == [], watching.steps
    assert went_well, watching.troubles
    assert len(watching.steps) == 9
    assert _of(folder) == []


def test_who_ends_it_early_hears_so_and_is_not_told_that_it_failed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watching()
    monkeypatch.setattr(watching, "chapter", lambda _title: signal.raise_signal(signal.SIGINT))
    assert asyncio.run(acme.demo(Demo(state=folder / "state"), watching)) is None
    assert watching.steps == []
    assert _of(folder) == []
