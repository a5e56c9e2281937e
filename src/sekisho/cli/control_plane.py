"""`sekisho control-plane`: store, API and xDS in one process."""

from typing import Annotated

import uvloop
from cyclopts import Parameter

from sekisho.app import settings
from sekisho.app.control_plane import control_plane as run_control_plane
from sekisho.app.processes import ready_line
from sekisho.app.settings import Address
from sekisho.cli.options import ALONE, Api, Drain, LogFile, LogLevel, Place, StateFolder, Xds
from sekisho.cli.terminal import Exit, Failure, write
from sekisho.identity.pairs import AuthorityBroken
from sekisho.identity.tokens import TokensBroken
from sekisho.store import StoreFailed

Gateways = Annotated[
    str | None,
    Parameter(
        help="Range, such as 10.1.2.0/24, in which each Gateway without an address of its own gets one "
        "(SEKISHO_GATEWAYS). Default: 127.0.0.1 for all of them"
    ),
]
Services = Annotated[
    str | None,
    Parameter(
        help="Range that virtual addresses of Services come from (SEKISHO_SERVICES). Default: 241.0.0.0/9"
    ),
]


def control_plane(
    *,
    place: Place = ALONE,
    state: StateFolder = None,
    api: Api = None,
    xds: Xds = None,
    gateways: Gateways = None,
    services: Services = None,
    log_level: LogLevel = "info",
    log_file: LogFile = None,
    drain: Drain = None,
) -> Exit:
    """Run the control plane until Ctrl-C or SIGTERM. Prints one line once it serves.

    A zone works alone. To join others it needs the URL of the global control plane, its CA and, the first
    time, a token: `sekisho zone create` there makes them, and says how this command is then written.
    """
    logging = settings.Logging(level=settings.logging_level(log_level), file=log_file)
    chosen = settings.control_plane(
        state=state, api=api, xds=xds, gateways=gateways, services=services, logging=logging, drain=drain,
        place=place.chosen(),
    )  # fmt: skip
    try:
        uvloop.run(run_control_plane(chosen, _announce))
    except (StoreFailed, AuthorityBroken, TokensBroken) as cause:
        raise Failure(
            str(cause), advice=f"All of it is in {chosen.state}: put a backup back, or mend it."
        ) from cause
    return Exit.OK


def _announce(api: Address, xds: Address | None) -> None:
    write(ready_line(api=api, xds=xds) if xds else ready_line(api=api))
