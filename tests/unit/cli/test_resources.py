"""apply, get, describe, delete, diff, validate, against a real API."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from .conftest import Api, Said

Command = Callable[..., Said]

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: door
  namespace: shop
  labels: {app: shop}
spec:
  gatewayClassName: sekisho
  listeners:
    - {name: http, protocol: HTTP, port: 8080}
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "namespace.yaml").write_text(NAMESPACE)
    (folder / "gateway.yaml").write_text(GATEWAY)
    return folder


def test_what_is_applied_can_be_got_described_and_deleted(sekisho: Command, files: Path) -> None:
    applied = sekisho("apply", "-f", str(files))
    assert applied.code == 0
    assert "Gateway/shop/door applied" in applied.out

    table = sekisho("get", "gtw", "-A")
    assert table.out.splitlines()[0].split()[:2] == ["NAMESPACE", "NAME"]
    assert table.out.splitlines()[1].split()[:2] == ["shop", "door"]

    described = sekisho("describe", "gateway", "door", "-n", "shop")
    assert f"Written in:  {files}/gateway.yaml:1" in described.out
    assert "gatewayClassName: sekisho" in described.out

    assert sekisho("delete", "gateway", "door", "-n", "shop").out.endswith("/door deleted\n")
    assert sekisho("get", "gateway", "door", "-n", "shop").code == 1


def test_get_shows_objects_in_the_asked_form(sekisho: Command, files: Path) -> None:
    sekisho("apply", "-f", str(files))
    assert yaml.safe_load(sekisho("get", "gtw", "door", "-n", "shop", "-o", "yaml").out)["kind"] == "Gateway"
    everything = json.loads(sekisho("get", "gtw,ns", "-A", "-o", "json").out)
    assert {item["kind"] for item in everything["items"]} == {"Gateway", "Namespace"}
    named = sekisho("get", "gtw", "-n", "shop", "-o", "name", "-l", "app=shop")
    assert named.out == "gateway.gateway.networking.k8s.io/door\n"
    nothing = sekisho("get", "gtw", "-n", "shop", "-l", "app=other")
    assert nothing.err.strip() == "no gateways in namespace shop (-A looks in all)"


def test_a_refused_resource_is_told_at_its_line_and_others_are_applied(sekisho: Command, files: Path) -> None:
    (files / "gateway.yaml").write_text(GATEWAY.replace("gatewayClassName", "gatewayClasName"))
    said = sekisho("apply", "-f", str(files))
    assert said.code == 1
    assert "Namespace/shop applied" in said.out
    assert f"{files}/gateway.yaml:8: spec.gatewayClasName" in said.err
    assert "gatewayClassName" in said.err


def test_apply_warns_of_a_protocol_in_lower_case_and_applies_it(sekisho: Command, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"{NAMESPACE}---\n{GATEWAY.replace('protocol: HTTP', 'protocol: http')}")
    said = sekisho("apply", "-f", str(file))
    assert said.code == 0
    assert "Gateway/shop/door applied" in said.out
    assert said.err.startswith("warning: ")
    assert 'gateway.yaml:15: spec.listeners[0].protocol: "http" is not' in said.err
    assert 'did you mean "HTTP"?' in said.err


def test_what_has_no_namespace_yet_is_told_what_to_apply_first(sekisho: Command, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(GATEWAY)
    said = sekisho("apply", "-f", str(file))
    assert said.code == 1
    assert 'gateway.yaml:5: metadata.namespace: namespaces "shop" not found (apply a Namespace' in said.err


def test_a_file_that_is_no_yaml_stops_apply_before_anything_is_written(sekisho: Command, files: Path) -> None:
    (files / "broken.yaml").write_text("a: [")
    said = sekisho("apply", "-f", str(files))
    assert said.code == 1
    assert f"{files}/broken.yaml:" in said.err
    assert "shop" not in sekisho("get", "ns").out


def test_prune_deletes_what_left_the_set_and_nothing_else(sekisho: Command, files: Path) -> None:
    other = files.parent / "other.yaml"
    other.write_text(GATEWAY.replace("name: door", "name: other"))
    sekisho("apply", "-f", str(files), "--prune", "shop")
    sekisho("apply", "-f", str(other))
    (files / "gateway.yaml").unlink()
    said = sekisho("apply", "-f", str(files), "--prune", "shop")
    assert "Gateway/shop/door deleted" in said.out
    assert "other" in sekisho("get", "gtw", "-n", "shop").out


def test_diff_shows_what_apply_would_change_and_changes_nothing(sekisho: Command, files: Path) -> None:
    new = sekisho("diff", "-f", str(files / "namespace.yaml"))
    assert new.code == 1
    assert "+kind: Namespace" in new.out
    sekisho("apply", "-f", str(files))
    assert sekisho("diff", "-f", str(files)) == Said(0, "", "")
    (files / "gateway.yaml").write_text(GATEWAY.replace("8080", "9090"))
    changed = sekisho("diff", "-f", str(files))
    assert changed.code == 1
    assert "-      port: 8080" in changed.out or "-    port: 8080" in changed.out
    assert "9090" not in sekisho("get", "gtw", "door", "-n", "shop", "-o", "yaml").out


def test_diff_tells_that_a_secret_changes_and_never_what_it_is(sekisho: Command, tmp_path: Path) -> None:
    file = tmp_path / "secret.yaml"
    text = "{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, data: {{a: {}, b: c2FtZQ==}}}}"
    file.write_text(text.format("Zmlyc3Q="))
    told = sekisho("diff", "-f", str(file))
    assert told.code == 1
    sekisho("apply", "-f", str(file))
    assert sekisho("diff", "-f", str(file)).code == 0
    file.write_text(text.format("c2Vjb25k"))
    changed = sekisho("diff", "-f", str(file))
    assert "+  a: (hidden, another)" in changed.out
    for value in ("Zmlyc3Q=", "c2Vjb25k", "c2FtZQ=="):
        assert value not in told.out + changed.out


def test_validate_and_apply_run_no_command_of_the_folder(
    sekisho: Command, alone: Command, tmp_path: Path
) -> None:
    folder, ran = tmp_path / "given", tmp_path / "ran"
    folder.mkdir()
    (folder / "sekisho.toml").write_text(
        f"[[service]]\nname = 'evil'\ncommand = ['touch', '{ran}']\nport = 9\n"
    )
    (folder / "map.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}")
    assert alone("validate", "-f", str(folder)).code == 0
    assert sekisho("apply", "-f", str(folder)).code == 0
    assert sekisho("diff", "-f", str(folder)).code == 0
    assert not ran.exists()


def test_delete_of_files_goes_backwards_and_says_what_was_not_there(sekisho: Command, files: Path) -> None:
    sekisho("apply", "-f", str(files))
    sekisho("delete", "gateway", "door", "-n", "shop")
    said = sekisho("delete", "-f", str(files))
    assert said.code == 1
    assert "gateway.gateway.networking.k8s.io/door was not there in namespace shop" in said.err
    assert "namespace/shop deleted" in said.out


def test_a_misspelt_kind_in_a_file_is_told_at_its_line_with_the_right_one(
    sekisho: Command, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMapp\nmetadata: {name: a}\n")
    said = sekisho("apply", "-f", str(tmp_path / "a.yaml"))
    assert said.code == 1
    assert 'a.yaml:2: kind: unknown kind "ConfigMapp" (did you mean "ConfigMap"?)' in said.err


def test_what_can_be_got_is_listed_once_each(sekisho: Command) -> None:
    said = sekisho("get", "everything")
    assert said.code == 1
    assert "gateways, grpcroutes, healthchecks" in said.err
    assert "gatewayclass," not in said.err


def test_a_misspelt_kind_is_answered_with_the_right_one(sekisho: Command) -> None:
    said = sekisho("get", "gatways")
    assert said.code == 1
    assert 'Did you mean "gateways"?' in said.err


def test_what_o_name_prints_is_taken_by_get_describe_and_delete(sekisho: Command, files: Path) -> None:
    sekisho("apply", "-f", str(files))
    (named,) = sekisho("get", "gtw", "door", "-n", "shop", "-o", "name").out.split()
    assert sekisho("get", named, "-n", "shop", "-o", "name").out.split() == [named]
    assert "Name:        door" in sekisho("describe", named, "-n", "shop").out
    assert sekisho("describe", "gtw").code == 2
    assert sekisho("delete", named, "namespace/shop", "-n", "shop").out.splitlines() == [
        f"{named} deleted", "namespace/shop deleted",
    ]  # fmt: skip
    assert sekisho("delete", named, "door").code == 2


@pytest.mark.parametrize("command", ["apply", "delete", "diff"])
def test_files_without_resources_are_told(sekisho: Command, tmp_path: Path, command: str) -> None:
    (tmp_path / "a.yaml").write_text("# nothing yet\n---\n")
    said = sekisho(command, "-f", str(tmp_path / "a.yaml"))
    assert said.code == 1
    assert "the files hold no resources" in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", "gtw", "door", "-A"),
        ("get", "gtw", "door", "--watch"),
        ("delete", "gateway"),
        ("delete", "gateway", "door", "-f", "x"),
        ("explain", "shop"),
        ("explain", "http://shop/", "-H", "nonsense"),
    ],
)
def test_commands_that_contradict_themselves_are_usage_errors(
    sekisho: Command, arguments: tuple[str, ...]
) -> None:
    assert sekisho(*arguments).code == 2


def test_a_watch_goes_on_until_ctrl_c(sekisho: Command, api: Api, files: Path) -> None:
    command = [sys.executable, "-m", "sekisho.cli", "get", "gateways", "-A", "-w"]
    with subprocess.Popen(
        [*command, "--kubeconfig", str(api.kubeconfig)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("NAMESPACE   NAME")
        sekisho("apply", "-f", str(files))
        assert watching.stdout.readline().split()[:2] == ["shop", "door"]
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=30)
    assert (watching.returncode, err) == (130, "")
