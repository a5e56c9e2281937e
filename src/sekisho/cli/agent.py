"""`sekisho agent`: this host's proxies, or the sidecar of one workload."""

import os
from pathlib import Path
from typing import Annotated, Literal

import uvloop
from cyclopts import Parameter

from sekisho.app import settings
from sekisho.app.processes import ready_line
from sekisho.cli.options import Drain, LogFile, LogLevel, Xds
from sekisho.cli.terminal import Exit, write

Kubeconfig = Annotated[
    Path | None, Parameter(help="With a token of the role agent. Default: .sekisho/agent/kubeconfig")
]
Folder = Annotated[
    Path | None, Parameter(name="--state", help="Keys and last known good. Default: .sekisho/agent")
]
Workload = Annotated[
    str | None, Parameter(help="Run the proxy of this Workload (namespace/name) alone, not those of the host")
]
TokenFile = Annotated[Path | None, Parameter(help="File with a join token, used instead of the kubeconfig's")]
WorkloadAddress = Annotated[str, Parameter(help="With --workload: where others reach it")]
Ports = Annotated[
    tuple[str, ...],
    Parameter(name="--port", negative="", help="With --workload: name=port:port of the application"),
]
Labels = Annotated[
    tuple[str, ...], Parameter(name="--label", negative="", help="With --workload: key=value, for a new one")
]
Account = Annotated[str, Parameter(help="With --workload: service account, for a new one")]
Capture = Annotated[
    Literal["none", "redirect", "tproxy"],
    Parameter(help="With --workload: let the kernel hand over connections of this network namespace"),
]
Concurrency = Annotated[int, Parameter(help="Worker threads per Envoy. Default: one per core")]


def agent(
    *,
    kubeconfig: Kubeconfig = None,
    xds: Xds = None,
    state: Folder = None,
    workload: Workload = None,
    token_file: TokenFile = None,
    address: WorkloadAddress = "",
    port: Ports = (),
    label: Labels = (),
    account: Account = "",
    capture: Capture = "none",
    concurrency: Concurrency = 0,
    log_level: LogLevel = "info",
    log_file: LogFile = None,
    drain: Drain = None,
) -> Exit:
    """Run this host's proxies until Ctrl-C or SIGTERM, then drain them. Prints one line once it runs.

    With --workload, run the sidecar of one Workload; with --capture too, in a network namespace of its own,
    so that the application need not know. The line comes when it serves; then start the application.
    """
    # gRPC reads it when it is imported. Its lines are no JSON.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # noqa: TID251 - a setting of gRPC
    from sekisho.app.agent import agent as run_agent  # noqa: PLC0415

    logging = settings.Logging(level=settings.logging_level(log_level), file=log_file)
    own = workload and settings.own_workload(
        workload, address=address, ports=port, labels=label, account=account, capture=capture
    )
    chosen = settings.agent(
        state=state,
        kubeconfig=kubeconfig,
        xds=xds,
        logging=logging,
        drain=drain,
        concurrency=concurrency,
        workload=own or None,
        token_file=token_file,
    )
    uvloop.run(run_agent(chosen, lambda: write(ready_line())))
    return Exit.OK
