"""The agent process: what is refused before anything starts."""

from pathlib import Path

import pytest

from sekisho.app import logs
from sekisho.app.agent import agent
from sekisho.app.lock import Busy, exclusive
from sekisho.app.settings import Agent
from sekisho.identity.files import private_directory


async def test_two_agents_do_not_share_a_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "configure", lambda _: None)  # it would be for the whole test process
    state = private_directory(tmp_path / "agent")
    with exclusive(state / "agent.lock"), pytest.raises(Busy, match="is in use by process"):
        await agent(Agent(state=state), lambda: pytest.fail("it started"))
