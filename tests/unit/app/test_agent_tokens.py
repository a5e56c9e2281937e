"""An agent of one workload without its token file: who has joined goes on, who has not is told what to do."""

from pathlib import Path

import pytest

from sekisho.agent.options import directory_name
from sekisho.agent.upstream import IDENTITY_FILE
from sekisho.app.agent import _access
from sekisho.app.host.own_workload import parse
from sekisho.app.settings import Agent, BadSetting
from sekisho.client import kubeconfig


@pytest.fixture
def settings(tmp_path: Path) -> Agent:
    """Of an agent whose token file is not there."""
    written = tmp_path / "kubeconfig"
    kubeconfig.write(written, server="https://127.0.0.1:1", authority="", token_file=tmp_path / "first")
    return Agent(
        state=tmp_path, kubeconfig=written, workload=parse("shop/web-1"), token_file=tmp_path / "token"
    )


def test_who_never_joined_is_told_how_to_get_a_token(settings: Agent) -> None:
    with pytest.raises(BadSetting, match="does not exist; `sekisho token create --join`"):
        _access(settings)


def test_who_has_joined_starts_without_one(settings: Agent) -> None:
    held = settings.state / "proxies" / directory_name("workload/shop/web-1") / IDENTITY_FILE
    held.parent.mkdir(parents=True)
    held.touch()
    found = _access(settings)
    assert found.token_file is None
    assert found.bearer() == ""


def test_a_token_that_is_there_is_used(settings: Agent) -> None:
    assert settings.token_file is not None
    settings.token_file.write_text("secret\n")
    assert _access(settings).bearer() == "secret"
