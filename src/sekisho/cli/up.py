"""`sekisho up`: run a folder of YAML on this host."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sekisho.app import settings
from sekisho.app.up import up as run_up
from sekisho.cli.options import ALONE, Api, LogLevel, Place, StateFolder, Xds
from sekisho.cli.terminal import Exit
from sekisho.cli.voice import TerminalVoice


async def up(
    folder: Annotated[Path, Parameter(help="Of YAML, and sekisho.toml for what runs beside it.")],
    /,
    *,
    state: StateFolder = None,
    api: Api = None,
    xds: Xds = None,
    place: Place = ALONE,
    log_level: LogLevel = "info",
) -> Exit:
    """Run a control plane, an agent with Envoys, and the services of FOLDER; apply its YAML; follow edits.

    The services are commands in FOLDER/sekisho.toml, run as you: use folders you trust. `apply`
    and `validate` never run them.

    With --zone and --global it is one zone of several: `sekisho zone create` says how. With --mode global it
    is what they join, which has no proxies: its YAML is about all zones.

    Ctrl-C ends everything. The state stays in the state folder, for the next time.
    """
    chosen = settings.up(folder, state=state, api=api, xds=xds, level=log_level, place=place.chosen())
    await run_up(chosen, TerminalVoice())
    return Exit.OK
