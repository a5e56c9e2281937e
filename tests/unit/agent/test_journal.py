"""The file of a last known good: private, as long as its changes, and never trusted where it is damaged."""

import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.agent.journal import MAGIC, Journal, load
from sekisho.xds.types import CLUSTER, LISTENER, Blob, Name

A, B = Name(CLUSTER, "a"), Name(LISTENER, "b")
ONE, TWO = Blob("1", b"one"), Blob("2", b"two")


def test_what_was_written_and_what_changed_since_is_loaded(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "f")
    assert journal.replace({A: ONE, B: ONE})
    assert journal.append({A: TWO})
    assert journal.append({B: None})
    assert load(tmp_path / "f") == {A: TWO}
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_no_file_is_nothing(tmp_path: Path) -> None:
    assert load(tmp_path / "none") == {}


@pytest.mark.parametrize("content", [b"", MAGIC, b"\0" * 500])
def test_a_foreign_file_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    assert load(tmp_path / "f") == {}


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_nothing_is_used_from_a_flipped_or_missing_byte_on(place: int, flip: int) -> None:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "f"
        journal = Journal(file)
        journal.replace({A: ONE})
        first = file.stat().st_size
        journal.append({B: TWO})
        good = file.read_bytes()
        place %= len(good)
        before = {A: ONE} if place >= first else {}
        for damaged in (good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :], good[:place]):
            file.write_bytes(damaged)
            assert load(file) == before


@pytest.mark.parametrize("part", [0, 1, 20, -1])
def test_a_power_loss_within_a_write_costs_that_write_alone(tmp_path: Path, part: int) -> None:
    """A file may have its new length before its content: zeros are where the kernel had not got to."""
    file = tmp_path / "f"
    journal = Journal(file)
    journal.replace({A: ONE})
    journal.append({A: TWO})
    before = file.read_bytes()
    journal.append({B: ONE})
    written = file.read_bytes()[len(before) :]
    file.write_bytes(before + written[:part].ljust(len(written), b"\0"))
    assert load(file) == {A: TWO}


def test_a_new_run_begins_with_everything_for_the_end_may_be_damaged(tmp_path: Path) -> None:
    Journal(tmp_path / "f").replace({A: ONE})
    assert Journal(tmp_path / "f").is_full


def test_changes_take_no_more_room_than_everything(tmp_path: Path) -> None:
    journal, large = Journal(tmp_path / "f"), os.urandom(100_000)
    journal.replace({A: Blob("0", large)})
    appended = 0
    while not journal.is_full:
        journal.append({B: Blob(str(appended), large[:10_000])})
        appended += 1
    assert appended == 10


def test_after_a_write_that_failed_everything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "f"
    journal = Journal(file)
    journal.replace({A: ONE})
    file.unlink()
    assert not journal.append({B: ONE})
    assert journal.is_full
