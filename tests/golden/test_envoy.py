"""Each folder in `envoy/` is a behaviour: `plan.py` for what a proxy must do, `envoy.yaml` for Envoy.

After a wanted change: `pytest tests/golden --rewrite`, then read the difference.
"""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.json_format import MessageToJson
from tests.kit.envoy import validate
from tests.kit.gateway import TABLE, plain_listener
from tests.kit.static import Messages, Plan, messages, static_bootstrap

from sekisho import envoy
from sekisho.envoy.lint import lint
from sekisho.protos import descriptor_pool

FOLDER = Path(__file__).parent / "envoy"
BEHAVIOURS = sorted(entry.name for entry in FOLDER.iterdir() if not entry.name.startswith("__"))


@pytest.fixture(params=BEHAVIOURS)
def behaviour(request: pytest.FixtureRequest) -> Path:
    return FOLDER / request.param


def plan(behaviour: Path) -> Plan:
    return runpy.run_path(str(behaviour / "plan.py"))["PLAN"]


def with_a_listener(given: Plan) -> Messages:
    """Routes are only looked at by Envoy when a listener uses them."""
    built = messages(given)
    if not built.listeners:
        built.listeners.append(envoy.listener(plain_listener(8080, TABLE)))
    return built


def as_yaml(built: Messages) -> str:
    content = {
        kind: [as_dict(each) for each in getattr(built, kind)]
        for kind in ("listeners", "scopes", "routes", "clusters", "endpoints", "secrets")
        if getattr(built, kind)
    }
    return yaml.dump(content, Dumper=Readable, width=110)


class Readable(yaml.SafeDumper):
    """Writes text of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Readable.add_representer(str, _text)


def as_dict(message: Any) -> dict[str, Any]:
    return json.loads(
        MessageToJson(message, preserving_proto_field_name=True, descriptor_pool=descriptor_pool())
    )


def test_envoy_is_told_what_was_agreed(behaviour: Path, pytestconfig: pytest.Config) -> None:
    golden, is_now = behaviour / "envoy.yaml", as_yaml(messages(plan(behaviour)))
    if pytestconfig.getoption("--rewrite"):
        golden.write_text(is_now)
    assert golden.read_text() == is_now


def test_envoy_accepts_it(behaviour: Path, tmp_path: Path) -> None:
    assert validate(static_bootstrap(with_a_listener(plan(behaviour)), tmp_path), tmp_path) == ""


def test_it_is_hardened(behaviour: Path, tmp_path: Path) -> None:
    built = with_a_listener(plan(behaviour))
    assert [finding for each in built.all() for finding in lint(each)] == []
    assert (
        lint(static_bootstrap(Messages(listeners=[], scopes=[], clusters=[], endpoints=[]), tmp_path)) == []
    )


def test_there_are_no_orphans() -> None:
    for name in BEHAVIOURS:
        files = {entry.name for entry in (FOLDER / name).iterdir() if not entry.name.startswith("__")}
        assert files == {"plan.py", "envoy.yaml"}, name
