"""The last known good: written soon after changes, as little as they are, and again when the disk refused."""

import asyncio
from pathlib import Path

import pytest
from tests.kit.clock import FakeClock
from tests.kit.wait import eventually

from sekisho.agent.journal import Journal, load
from sekisho.agent.snapshot import GATHERING, Snapshot
from sekisho.aio.tasks import background
from sekisho.xds.types import CLUSTER, LISTENER, Blob, Name

A, B = Name(CLUSTER, "a"), Name(LISTENER, "b")
ONE, TWO = Blob("1", b"one"), Blob("2", b"two")


async def save(file: Path, snapshot: Snapshot) -> None:
    """Runs the saver until it would wait, and ends it."""
    async with background(snapshot.keep_saved(Journal(file), clock=FakeClock()), name="saver"):
        await asyncio.sleep(0)


async def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    snapshot = Snapshot({})
    snapshot.put({A: ONE, B: TWO})
    snapshot.drop([A])
    snapshot.put({A: TWO})
    await save(tmp_path / "f", snapshot)
    assert load(tmp_path / "f") == {A: TWO, B: TWO}


async def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    snapshot = Snapshot({A: ONE})
    snapshot.put({A: ONE})
    snapshot.drop([B])
    await save(tmp_path / "f", snapshot)
    assert not (tmp_path / "f").exists()


async def test_what_changes_together_is_one_write_and_as_long_as_the_changes(tmp_path: Path) -> None:
    clock, snapshot, file = FakeClock(), Snapshot({}), tmp_path / "f"
    many = {Name(CLUSTER, str(number)): ONE for number in range(100)}

    async def gathering() -> bool:
        return clock.sleeping == 1

    async def holds(held: dict[Name, Blob]) -> None:
        async def written() -> bool:
            return load(file) == held

        await eventually(gathering, what="others may join the change")
        clock.advance(GATHERING)
        await eventually(written, what="it is written")

    async with background(snapshot.keep_saved(Journal(file), clock=clock), name="saver"):
        snapshot.put(many)
        await holds(many)
        whole = file.stat().st_size
        snapshot.put({A: ONE})
        await eventually(gathering, what="others may join the change")
        snapshot.put({A: TWO})
        await holds(many | {A: TWO})
        assert file.stat().st_size < whole + 200
        snapshot.drop(many)
        await holds({A: TWO})


async def test_what_the_full_disk_refused_is_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = Snapshot({})
    snapshot.put({A: ONE})
    clock = FakeClock()

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    async def sleeping() -> bool:
        return clock.sleeping == 1

    async with background(snapshot.keep_saved(Journal(tmp_path / "f"), clock=clock), name="saver"):
        with monkeypatch.context() as patch:
            patch.setattr("sekisho.identity.files.os.fsync", disk_full)
            await eventually(sleeping, what="gathering")
            clock.advance(GATHERING)
            await eventually(sleeping, what="refused, and resting")
        assert load(tmp_path / "f") == {}
    assert load(tmp_path / "f") == {A: ONE}
