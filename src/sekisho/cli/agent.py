"""`sekisho agent`: this host's proxies."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sekisho.app import settings
from sekisho.app.agent import agent as run_agent
from sekisho.app.processes import ready_line
from sekisho.cli.control_plane import Drain, LogFile
from sekisho.cli.options import LogLevel
from sekisho.cli.terminal import Exit, write
from sekisho.cli.up import Xds

Kubeconfig = Annotated[
    Path | None, Parameter(help="With a token of the role agent. Default: .sekisho/agent/kubeconfig")
]
Folder = Annotated[
    Path | None, Parameter(name="--state", help="Keys and last known good. Default: .sekisho/agent")
]
Concurrency = Annotated[int, Parameter(help="Worker threads per Envoy. Default: one per core")]


async def agent(
    *,
    kubeconfig: Kubeconfig = None,
    xds: Xds = None,
    state: Folder = None,
    concurrency: Concurrency = 0,
    log_level: LogLevel = "info",
    log_file: LogFile = None,
    drain: Drain = None,
) -> Exit:
    """Run this host's proxies until Ctrl-C or SIGTERM, then drain them. Prints one line once it runs."""
    logging = settings.Logging(level=settings.logging_level(log_level), file=log_file)
    chosen = settings.agent(
        state=state, kubeconfig=kubeconfig, xds=xds, logging=logging, drain=drain, concurrency=concurrency
    )
    await run_agent(chosen, lambda: write(ready_line()))
    return Exit.OK
