"""Kubeconfig files, ours and others'."""

import base64
import stat
from pathlib import Path

import pytest
import yaml

from sekisho.client import kubeconfig


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    token = tmp_path / "tokens" / "admin"
    token.parent.mkdir()
    token.write_text("abc\n")
    path = tmp_path / "kubeconfig"
    kubeconfig.write(path, server="https://127.0.0.1:7443", authority="PEM", token_file=token)
    access = kubeconfig.read(path)
    assert (access.server, access.authority, access.bearer()) == ("https://127.0.0.1:7443", "PEM", "abc")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_folder_can_be_moved(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "token").write_text("abc")
    kubeconfig.write(first / "kubeconfig", server="https://a", authority="", token_file=first / "token")
    moved = first.rename(tmp_path / "second")
    assert kubeconfig.read(moved / "kubeconfig").bearer() == "abc"


def test_a_rotated_token_is_picked_up(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    path = tmp_path / "kubeconfig"
    kubeconfig.write(path, server="https://a", authority="", token_file=tmp_path / "token")
    access = kubeconfig.read(path)
    assert access.bearer() == "old"
    (tmp_path / "token").write_text("new")
    assert access.bearer() == "new"


def foreign(tmp_path: Path, **user: str) -> Path:
    path = tmp_path / "config"
    document = {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
            {"name": "two", "context": {"cluster": "d"}},
        ],
        "clusters": [
            {"name": "c", "cluster": {"server": "https://c/", "certificate-authority": "ca.pem"}},
            {"name": "d", "cluster": {"server": "http://d"}},
        ],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    (tmp_path / "ca.pem").write_text("CA")
    return path


def test_files_are_found_beside_the_kubeconfig_and_contexts_by_name(tmp_path: Path) -> None:
    path = foreign(tmp_path, token="inline")
    access = kubeconfig.read(path)
    assert (access.server, access.authority, access.namespace) == ("https://c", "CA", "shop")
    assert access.bearer() == "inline"
    assert kubeconfig.read(path, "two").server == "http://d"


def test_client_certificates_are_taken_from_data(tmp_path: Path) -> None:
    pem = base64.b64encode(b"CERT").decode()
    path = foreign(tmp_path, **{"client-certificate-data": pem, "client-key-data": pem})
    assert kubeconfig.read(path).certificate == ("CERT", "CERT")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not a YAML file"),
        ("- 1", "not a kubeconfig"),
        ("current-context: x", "contexts has no entry called 'x'"),
        (
            "{current-context: x, contexts: [{name: x, context: {cluster: y}}]}",
            "clusters has no entry called 'y'",
        ),
        (
            "{current-context: x, contexts: [{name: x, context: {cluster: y}}], clusters: [{name: y}]}",
            "has no `server` URL",
        ),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(kubeconfig.BadKubeconfig) as refused:
        kubeconfig.read(path)
    assert str(path) in str(refused.value)
    assert expected in str(refused.value)


def test_a_file_nobody_named_cannot_send_files_of_other_folders(tmp_path: Path) -> None:
    folder = tmp_path / "cloned"
    folder.mkdir()
    (tmp_path / "id_rsa").write_text("mine")
    (folder / "innocent").symlink_to(tmp_path / "id_rsa")
    for named in ("../id_rsa", str(tmp_path / "id_rsa"), "innocent"):
        for key in ("tokenFile", "client-key"):
            path = foreign(folder, **{key: named})
            with pytest.raises(kubeconfig.BadKubeconfig, match="outside this folder"):
                kubeconfig.read(path, confined=True)
    (folder / "token").write_text("theirs")
    assert kubeconfig.read(foreign(folder, tokenFile="token"), confined=True).bearer() == "theirs"
    assert kubeconfig.read(foreign(folder, tokenFile="../id_rsa")).bearer() == "mine"


def test_who_we_are_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    path = foreign(tmp_path, token="abc")
    path.write_text(path.read_text().replace("https://c/", "http://c/"))
    with pytest.raises(kubeconfig.BadKubeconfig, match="not encrypted"):
        kubeconfig.read(path)
    assert kubeconfig.read(path, "two").server == "http://d"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(kubeconfig.BadKubeconfig, match="No such file"):
        kubeconfig.read(tmp_path / "absent")


def test_a_bad_authority_is_refused_before_any_connection(tmp_path: Path) -> None:
    with pytest.raises(kubeconfig.BadKubeconfig, match="does not parse"):
        kubeconfig.read(foreign(tmp_path)).tls()
