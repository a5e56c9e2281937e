"""The last known good on disk: whole, private, written seldom, and never trusted when damaged."""

import asyncio
import stat
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.clock import FakeClock
from tests.kit.wait import eventually

from sekisho.agent.snapshot import MAGIC, Snapshot, load
from sekisho.aio.tasks import background
from sekisho.xds.types import CLUSTER, LISTENER, Blob, Name

A, B = Name(CLUSTER, "a"), Name(LISTENER, "b")
ONE, TWO = Blob("1", b"one"), Blob("2", b"two")


async def save(file: Path, snapshot: Snapshot) -> None:
    """Runs the saver until it would wait, and ends it."""
    async with background(snapshot.keep_saved(file, clock=FakeClock()), name="saver"):
        await asyncio.sleep(0)


async def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    snapshot = Snapshot({})
    snapshot.put({A: ONE, B: TWO})
    snapshot.drop([A])
    snapshot.put({A: TWO})
    await save(tmp_path / "f", snapshot)
    assert load(tmp_path / "f") == {A: TWO, B: TWO}
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


async def test_no_file_is_an_empty_snapshot(tmp_path: Path) -> None:
    assert load(tmp_path / "none") == {}


async def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    snapshot = Snapshot({A: ONE})
    snapshot.put({A: ONE})
    snapshot.drop([B])
    await save(tmp_path / "f", snapshot)
    assert not (tmp_path / "f").exists()


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_any_flipped_or_missing_byte_is_noticed(place: int, flip: int) -> None:
    snapshot = Snapshot({})
    snapshot.put({A: ONE, B: TWO})
    with TemporaryDirectory() as directory:
        file = Path(directory) / "f"
        asyncio.run(save(file, snapshot))
        good = file.read_bytes()
        place %= len(good)
        flipped = good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :]
        for damaged in (flipped, good[:place]):
            file.write_bytes(damaged)
            assert load(file) == {}


@pytest.mark.parametrize("content", [b"", MAGIC, b"\0" * 500])
def test_a_foreign_file_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    assert load(tmp_path / "f") == {}


async def test_many_changes_are_one_write_a_second(tmp_path: Path) -> None:
    clock, snapshot, file = FakeClock(), Snapshot({}), tmp_path / "f"

    async def sleeping() -> bool:
        return clock.sleeping == 1

    async with background(snapshot.keep_saved(file, clock=clock), name="saver"):
        snapshot.put({A: ONE})
        await eventually(sleeping, what="others may join the change")
        snapshot.put({A: TWO})
        clock.advance(0.1)
        await eventually(sleeping, what="written, and resting")
        assert load(file) == {A: TWO}
        snapshot.put({B: ONE})
        await asyncio.sleep(0)
        assert load(file) == {A: TWO}
        clock.advance(0.9)
        await eventually(sleeping, what="gathering again")
        clock.advance(0.1)
        await eventually(sleeping, what="written again")
        assert load(file) == {A: TWO, B: ONE}


async def test_while_changes_go_on_everything_is_written_ever_more_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, snapshot, written = FakeClock(), Snapshot({}), []
    monkeypatch.setattr("sekisho.agent.snapshot._save", lambda *_: not written.append(clock.monotonic()))

    async def sleeping() -> bool:
        return bool(clock.sleeping)

    async with background(snapshot.keep_saved(tmp_path / "f", clock=clock), name="saver"):
        for number in range(600):  # a change each half second for five minutes
            snapshot.put({A: Blob(str(number), b"")})
            await eventually(sleeping, what="gathering, or resting")
            clock.advance(0.5)
    assert len(written) < 20
    assert max(later - before for before, later in pairwise(written)) < 32


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

    async with background(snapshot.keep_saved(tmp_path / "f", clock=clock), name="saver"):
        with monkeypatch.context() as patch:
            patch.setattr("sekisho.identity.files.os.fsync", disk_full)
            await eventually(sleeping, what="gathering")
            clock.advance(0.1)
            await eventually(sleeping, what="refused, and resting")
        assert load(tmp_path / "f") == {}
    assert load(tmp_path / "f") == {A: ONE}
