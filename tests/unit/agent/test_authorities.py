"""Where a host keeps the authorities that it believes."""

from pathlib import Path

from sekisho.agent.authorities import host_authorities


def test_it_is_the_first_file_that_is_there(tmp_path: Path) -> None:
    debian, fedora = tmp_path / "debian.crt", tmp_path / "fedora.pem"
    assert host_authorities((debian, fedora)) is None
    fedora.write_text("")
    assert host_authorities((debian, fedora)) == fedora
    debian.write_text("")
    assert host_authorities((debian, fedora)) == debian
