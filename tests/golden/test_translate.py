"""Each folder in `translate/` is a behaviour: `given.yaml` as users write it, `plan.yaml` for what proxies
must do, `status.yaml` for what the authors are told.

After a wanted change: `pytest tests/golden --rewrite`, then read the difference.
"""

from dataclasses import MISSING
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct, structs
from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import World

from sekisho.model.document import engine_view
from sekisho.model.names import Origin, ResourceId
from sekisho.model.yaml import load
from sekisho.translate.outputs import CERTIFICATES, EXPIRIES, OPENINGS, OUTPUTS, STATUSES

FOLDER = Path(__file__).parent / "translate"
BEHAVIOURS = sorted(entry.name for entry in FOLDER.iterdir() if not entry.name.startswith("__"))
LEFT_OUT = (CERTIFICATES, EXPIRIES, OPENINGS, STATUSES)
"""Keys are made anew in each run; statuses have a file of their own; openings are only waited for."""


@pytest.fixture(params=BEHAVIOURS)
def behaviour(request: pytest.FixtureRequest) -> Path:
    return FOLDER / request.param


@pytest.fixture
def world(behaviour: Path) -> World:
    """What `given.yaml` says, and a Secret `shop/cert` with a certificate for every host."""
    documents = load((behaviour / "given.yaml").read_text(), "given.yaml")
    found = World(tls_secret("cert", "*.example.com"))
    found.commit({view.id: view for one in documents if (view := engine_view(one.check().resource))})
    return found


def plan(world: World) -> dict[str, Any]:
    """By output, those that have anything."""
    values = {output.name: world.values(output) for output in OUTPUTS if output not in LEFT_OUT}
    return {
        name: {_key(key): _data(value) for key, value in found.items()}
        for name, found in values.items()
        if found
    }


def status(world: World) -> dict[str, Any]:
    return {str(key): value for key, value in world.values(STATUSES).items() if key.kind != "GatewayClass"}


def _key(key: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in key)


def _data(value: Any) -> Any:
    """Plain data without what is as by default, so that a difference is what a reader looks for."""
    if isinstance(value, Origin | ResourceId):
        return str(value)
    if isinstance(value, Struct):
        given = {one.name: (getattr(value, one.name), one.default) for one in structs.fields(value)}
    elif hasattr(value, "_fields"):
        given = {
            name: (getattr(value, name), value._field_defaults.get(name, MISSING)) for name in value._fields
        }
    elif isinstance(value, tuple):
        return [_data(one) for one in value]
    else:
        return str(value) if isinstance(value, str) else value
    said = {name: is_ for name, (is_, default) in given.items() if is_ != default}
    return {type(value).__name__: {name: _data(one) for name, one in said.items()}}


class _Plain(yaml.SafeDumper):
    """What many share is written out for each."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def compare(golden: Path, is_now: dict[str, Any], *, rewrite: bool) -> None:
    text = yaml.dump(is_now, Dumper=_Plain, width=110)
    if rewrite:
        golden.write_text(text)
    assert golden.read_text() == text


def test_what_proxies_must_do(behaviour: Path, world: World, pytestconfig: pytest.Config) -> None:
    compare(behaviour / "plan.yaml", plan(world), rewrite=pytestconfig.getoption("--rewrite"))


def test_what_authors_are_told(behaviour: Path, world: World, pytestconfig: pytest.Config) -> None:
    compare(behaviour / "status.yaml", status(world), rewrite=pytestconfig.getoption("--rewrite"))
