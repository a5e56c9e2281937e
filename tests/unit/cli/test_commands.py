"""What every command has in common: exit codes, words instead of tracebacks, no control plane, validate."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sekisho import cli
from sekisho.cli import commands
from sekisho.cli.failures import failure
from sekisho.client import kubeconfig

from .conftest import Said

Command = Callable[..., Said]
EXAMPLES = sorted({path.parent for path in (Path(__file__).parents[3] / "examples").rglob("*.yaml")})
"""Each is brought to one control plane."""


def test_without_a_control_plane_it_says_how_to_start_one(alone: Command) -> None:
    said = alone("get", "gateways")
    assert said.code == 1
    assert "no control plane known" in said.err
    assert "sekisho up FOLDER" in said.err


def test_a_control_plane_that_is_gone_is_told_as_such(alone: Command, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x")
    path = tmp_path / "kubeconfig"
    kubeconfig.write(path, server="https://127.0.0.1:1", authority="", token_file=token)
    said = alone("get", "gateways", "--kubeconfig", str(path))
    assert said.code == 1
    assert "the control plane does not answer: https://127.0.0.1:1" in said.err


@pytest.mark.parametrize(
    "arguments", [("gett",), ("get",), ("get", "x", "--nope"), ("get", "x", "-o", "toml")]
)
def test_a_command_written_wrongly_exits_2_with_help(alone: Command, arguments: tuple[str, ...]) -> None:
    said = alone(*arguments)
    assert said.code == 2
    assert "--help" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", [("up", "folder"), ("control-plane",), ("agent",), ("demo",)])
def test_a_state_folder_that_is_none_is_told_in_words(
    alone: Command, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    said = alone(*command, "--state", "file/x")
    assert said.code == 1
    assert "error: file/x" in said.err
    assert ": Not a directory\n" in said.err
    assert "choose another one with --state" in said.err


@pytest.mark.parametrize("broken", ["store.sqlite", "tokens.json", "authority/root.crt"])
def test_a_broken_state_is_told_in_words(alone: Command, tmp_path: Path, broken: str) -> None:
    file = tmp_path / "s" / broken
    file.parent.mkdir(parents=True)
    file.write_text("{not what it was")
    said = alone("control-plane", "--state", "s", "--api", "127.0.0.1:0", "--xds", "127.0.0.1:0")
    assert said.code == 1
    assert "error: " in said.err
    assert "put a backup back" in said.err


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/srv/x"), "/srv/x: Permission denied"),
        (PermissionError("/srv/x is a link"), "/srv/x is a link"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    ],
)
def test_a_disk_that_takes_nothing_is_told_in_words(cause: OSError, words: str) -> None:
    told = failure(ExceptionGroup("", [cause]))
    assert told is not None
    assert str(told) == words
    assert "--state" in told.advice
    assert failure(OSError(errno.ECONNRESET, "Connection reset by peer")) is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("up", "nowhere"), "nowhere: not a folder"),
        (("up", ".", "--api", "here"), "--api: 'here' is not an address"),
        (("up", ".", "--log-level", "loud"), "--log-level: 'loud' is not one of"),
        (("agent", "--drain", "-1"), "--drain: expected seconds"),
    ],
)
def test_a_bad_setting_is_named_and_exits_2(
    alone: Command, arguments: tuple[str, ...], expected: str
) -> None:
    said = alone(*arguments)
    assert said.code == 2
    assert expected in said.err


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid(alone: Command, folder: Path) -> None:
    said = alone("validate", "-f", str(folder))
    assert (said.code, said.err) == (0, "")


def test_validate_tells_every_problem_of_every_file_with_its_line(alone: Command, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: Namespac\nmetadata: {name: a}\n")
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata:\n  nam: b\n---\na: [\n")
    (tmp_path / "c.yaml").write_text(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: c}\n---\nkind: Service\napiVersion: v1\nx: {}\n"
    )
    said = alone("validate", "-f", ".")
    assert said.code == 1
    assert 'a.yaml:2: kind: unknown kind "Namespac" (did you mean "Namespace"?)' in said.err
    assert "b.yaml:" in said.err
    assert "c.yaml:7: x: unknown field" in said.err
    assert "1 resource without" in said.out


def test_validate_warns_of_a_protocol_in_lower_case(alone: Command, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec:\n"
        "  gatewayClassName: sekisho\n  listeners:\n    - name: http\n      port: 80\n      protocol: http\n"
    )
    said = alone("validate", "-f", "gateway.yaml")
    assert (said.code, said.out) == (0, "1 resource, no problems, 1 warning\n")
    assert said.err == (
        'warning: gateway.yaml:9: spec.listeners[0].protocol: "http" is not a protocol; '
        'HTTP, HTTPS, TLS, TCP, UDP are (did you mean "HTTP"?)\n'
    )


def test_validate_without_files_is_a_usage_error(alone: Command) -> None:
    assert alone("validate").code == 2
    assert alone("validate", "-f", ".").code == 2
    absent = alone("validate", "-f", "absent.yaml")
    assert absent.code == 1
    assert "absent.yaml: there is no such file" in absent.err


def test_a_certificate_is_a_secret_that_validates(alone: Command, tmp_path: Path) -> None:
    said = alone("certificate", "shop.example.com", "--name", "shop-tls", "-n", "shop")
    assert yaml.safe_load(said.out)["metadata"] == {"name": "shop-tls", "namespace": "shop"}
    (tmp_path / "secret.yaml").write_text(said.out)
    assert alone("validate", "-f", "secret.yaml").code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("bad host", "--name", "a"), "'bad host' is neither a hostname in lower case nor an IP address"),
        (("a.example", "--name", "Bad_Name"), "metadata.name"),
    ],
)
def test_a_certificate_that_no_control_plane_takes_is_not_made(
    alone: Command, arguments: tuple[str, ...], expected: str
) -> None:
    said = alone("certificate", *arguments)
    assert said.code in (1, 2)
    assert expected in said.err
    assert said.out == ""


@pytest.mark.parametrize("arguments", [("validate", "-f", "-"), ("validate", "-f-"), ("validate", "-f=-")])
def test_a_hyphen_reads_stdin(
    alone: Command, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("apiVersion: v1\nkind: Namespac\nmetadata: {name: a}\n"))
    said = alone(*arguments)
    assert said.code == 1
    assert 'stdin:2: kind: unknown kind "Namespac"' in said.err


def test_several_files_are_read(alone: Command, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(
            f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
        )
    assert alone("validate", "-f", "a.yaml", "-f", "b.yaml").out == "2 resources, no problems\n"


def test_help_of_every_command_opens(alone: Command) -> None:
    said = alone("--help")
    names = [line.split()[1] for line in said.out.splitlines() if line.startswith("│ ") and line[2].isalpha()]
    assert {"up", "apply", "explain", "status", "token"} <= set(names)
    for name in names:
        assert alone(name, "--help").code == 0


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    """`sekisho … | head -0`"""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out:
        ended = subprocess.run(
            [sys.executable, "-m", "sekisho.cli", "certificate", "a.example", "--name", "a"],
            stdout=out, stderr=subprocess.PIPE, text=True, check=False, timeout=60, cwd=tmp_path,
        )  # fmt: skip
    assert ended.stderr == ""
    assert ended.returncode == 0


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_is_quiet_while_a_command_is_still_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "import_module", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130


def test_ctrl_c_is_quiet_while_a_command_runs(alone: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "application", interrupted)
    assert alone("status") == Said(130, "", "")


def test_convert_wants_files_prints_resources_and_tells_what_is_not_in_them(
    alone: Command, tmp_path: Path
) -> None:
    assert alone("convert", "kong").code == 2
    (tmp_path / "policy.yaml").write_text(
        "type: MeshTimeout\nname: slow\nspec:\n  to:\n    - targetRef: {kind: Mesh}\n"
        "      default: {connectionTimeout: 2s}\n---\ntype: Secret\nname: s\n"
    )
    said = alone("convert", "kuma", ".")
    assert said.code == 0
    assert "kind: Timeout" in said.out
    assert "policy.yaml:8: Secret is not converted" in said.err
    assert "1 resource from 2 documents, 1 note" in said.err


def test_help_of_a_command_says_all_of_it_and_the_list_a_line_each(alone: Command) -> None:
    assert "Exits 1 when the request would be refused" in " ".join(alone("explain", "--help").out.split())
    assert "Exits 1" not in alone("--help").out


def test_version_is_an_option_too(alone: Command) -> None:
    said = alone("--version")
    assert said.code == 0
    assert alone("version").out.split()[:2] == said.out.split()


@pytest.mark.parametrize("name", ["binary.yaml", "utf16.yaml"])
def test_a_file_that_is_no_text_is_told_as_such(alone: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfea\x00")
    said = alone("validate", "-f", name)
    assert said.code == 1
    assert f"{name}: not text in UTF-8: byte 1 is 0xff" in said.err


def test_a_link_to_nowhere_is_told_as_a_link(alone: Command, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("nowhere")
    assert "a.yaml: there is no such file (it is a link to nowhere)" in alone("validate", "-f", "a.yaml").err


def test_what_is_no_text_on_stdin_is_told(alone: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8"))
    assert "stdin: not text in UTF-8: byte 1 is 0xff" in alone("validate", "-f", "-").err


def test_an_address_instead_of_a_file_is_told_with_what_to_do(alone: Command) -> None:
    said = alone("validate", "-f", "https://example.com/a.yaml")
    assert said.code == 2
    assert "curl -fsS https://example.com/a.yaml | sekisho" in said.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("token", "create", "bob", "--role", "king"), "token create"),
        (("zone", "nope"), "zone"),
        (("zone", "create", "No!"), "zone create"),
        (("up", "nowhere"), "up"),
        (("delete",), "delete"),
        (("nope",), "COMMAND"),
    ],
)
def test_a_usage_error_names_the_help_of_its_command(
    alone: Command, arguments: tuple[str, ...], named: str
) -> None:
    said = alone(*arguments)
    assert said.code == 2
    assert f"`sekisho {named} --help`" in said.err
