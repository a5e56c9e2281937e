"""Private files: mode from the first moment, whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from sekisho.identity.files import private_directory, write_private


@pytest.fixture(autouse=True)
def generous_umask() -> None:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_file_is_0600_whatever_the_umask_and_the_file_it_replaces(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"old")
    file.chmod(0o666)
    write_private(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    write_private(file, b"old")

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sekisho.identity.files.os.fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_private(file, b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_link_in_the_place_of_the_new_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / f".key.{os.getpid()}.new").symlink_to(victim)
    write_private(tmp_path / "key", b"new")
    assert victim.read_bytes() == b"precious"


def test_a_directory_that_was_wide_becomes_0700(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o777)
    assert stat.S_IMODE(private_directory(tmp_path / "d").stat().st_mode) == 0o700
    assert stat.S_IMODE(private_directory(tmp_path / "new/er").stat().st_mode) == 0o700


def test_a_link_is_not_taken_for_a_private_directory(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o755)
    (tmp_path / "d").symlink_to(tmp_path / "theirs")
    with pytest.raises(PermissionError, match="is a link or somebody else's"):
        private_directory(tmp_path / "d")
    assert stat.S_IMODE((tmp_path / "theirs").stat().st_mode) == 0o755


def test_the_directory_of_somebody_else_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir(mode=0o755)
    monkeypatch.setattr("sekisho.identity.files.os.getuid", lambda: os.geteuid() + 1)
    with pytest.raises(PermissionError):
        private_directory(tmp_path / "d")
