"""Which logs are damaged and which merely end with a crash, on logs that SQLite wrote."""

import struct
from pathlib import Path

import apsw
import pytest

from sekisho.store.wal import damage

STEP = 24 + 4096


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Ten commits."""
    path = tmp_path_factory.mktemp("wal") / "db"
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE t (x); CREATE TABLE head (x); INSERT INTO head VALUES (0)")
    for n in range(7):
        connection.execute("BEGIN; INSERT INTO t VALUES (?); UPDATE head SET x = x + 1; COMMIT", (n,))
    content = Path(f"{path}-wal").read_bytes()
    connection.close()
    return content


def ends(log: bytes) -> list[int]:
    """How many frames precede the end of each commit."""
    count = (len(log) - 32) // STEP
    return [n + 1 for n in range(count) if struct.unpack_from(">I", log, 32 + n * STEP + 4) != (0,)]


def test_a_whole_log_and_an_empty_one_are_sound(log: bytes) -> None:
    assert len(ends(log)) == 10
    assert damage(log, ends(log)[-1]) is None
    assert damage(b"", 0) is None


def test_one_unfinished_commit_is_a_crash_and_more_are_damage(log: bytes) -> None:
    *_, third, second, _ = ends(log)
    assert damage(log, second) is None
    assert damage(log, second + 1) is None
    assert damage(log, third) == "its write-ahead log is damaged in the middle"
    assert damage(log, 0) == "its write-ahead log is damaged in the middle"


def test_a_damaged_mark_does_not_hide_its_commit(log: bytes) -> None:
    *_, third, second, _ = ends(log)
    hurt = bytearray(log)
    struct.pack_into(">I", hurt, 32 + (second - 1) * STEP + 4, 0)
    assert damage(bytes(hurt), third) == "its write-ahead log is damaged in the middle"


def test_frames_of_an_earlier_round_of_the_log_are_no_damage(log: bytes) -> None:
    older = bytearray(log)
    for start in range(32 + ends(log)[4] * STEP, len(log), STEP):
        struct.pack_into(">I", older, start + 8, 1)
    assert damage(bytes(older), ends(log)[4]) is None


@pytest.mark.parametrize("position", range(32))
def test_every_byte_of_the_header_counts(log: bytes, position: int) -> None:
    hurt = bytearray(log)
    hurt[position] ^= 0x10
    assert damage(bytes(hurt), 0) == "the header of its write-ahead log is damaged"
