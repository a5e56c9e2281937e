"""Options that several commands share, and the client they lead to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from sekisho.app import settings
from sekisho.app.zones import place
from sekisho.cli.terminal import Failure
from sekisho.client import Client

Namespace = Annotated[str, Parameter(name=["-n", "--namespace"], help="Namespace of the objects.")]
AllNamespaces = Annotated[bool, Parameter(name=["-A", "--all-namespaces"], help="Look in all namespaces.")]
Files = Annotated[
    tuple[str, ...],
    Parameter(
        name=["-f", "--filename"],
        help="YAML file, folder (read recursively), or - for stdin.",
        allow_leading_hyphen=True,  # `-f -`
    ),
]
AnyKind = Annotated[str, Parameter(help="Any name of it: HTTPRoute, httproutes, gtw.")]
Format = Annotated[
    Literal["text", "yaml", "json"],
    Parameter(name=["-o", "--output"], help="How it is shown: for people, or as the API has it."),
]
Url = Annotated[str, Parameter(help="As a caller writes it: http://shop.example.com/cart.")]
LogLevel = Annotated[str, Parameter(name="--log-level", help="debug, info, warning or error.")]
LogFile = Annotated[Path | None, Parameter(help="Append the log to this file. Default: stderr")]
Api = Annotated[str | None, Parameter(help="Address of the API (SEKISHO_API). Default: 127.0.0.1:7443")]
Xds = Annotated[str | None, Parameter(help="Address of xDS (SEKISHO_XDS). Default: 127.0.0.1:7444")]
Drain = Annotated[float | None, Parameter(help="Seconds that what is under way gets to end after SIGTERM.")]
InZone = Annotated[
    str, Parameter(name="--zone", help="Asked at the global control plane: which zone is to answer.")
]
StateFolder = Annotated[
    Path | None, Parameter(name="--state", help="State folder (SEKISHO_STATE). Default: .sekisho")
]


def kind_and_name(kind: str, name: str = "") -> tuple[str, str]:
    """Both, also of `KIND/NAME`, as `-o name` prints it."""
    return (kind, name) if name or "," in kind else (kind.partition("/")[0], kind.partition("/")[2])


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Connection:
    """Which control plane to talk to."""

    kubeconfig: Annotated[
        Path | None,
        Parameter(help="Kubeconfig to use. Default: .sekisho/kubeconfig, then the KUBECONFIG variable."),
    ] = None
    context: Annotated[str, Parameter(help="Context in the kubeconfig. Default: its current one.")] = ""

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Raises Failure when no control plane is known."""
        path = settings.kubeconfig(self.kubeconfig)
        if path is None:
            raise Failure(
                "no control plane known: there is no .sekisho/kubeconfig here and KUBECONFIG is not set",
                advice="Start one with `sekisho up FOLDER` or `sekisho control-plane`, "
                "or name its kubeconfig with --kubeconfig.",
            )
        found_here = self.kubeconfig is None and path == settings.STATE / "kubeconfig"
        async with Client.from_kubeconfig(path, self.context, confined=found_here) as client:
            yield client


DEFAULT_CONNECTION = Connection()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Place:
    """Which control plane is run: of a zone, or the global one."""

    mode: Annotated[
        str | None,
        Parameter(help="zone: with proxies; global: with zones (SEKISHO_MODE). Default: zone"),
    ] = None
    zone: Annotated[
        str | None, Parameter(help="Name of this control plane's zone (SEKISHO_ZONE). Default: default")
    ] = None
    global_: Annotated[
        str | None,
        Parameter(
            name="--global", help="URL of the global control plane to join (SEKISHO_GLOBAL). Default: none"
        ),
    ] = None
    zone_token_file: Annotated[
        Path | None,
        Parameter(help="Holds the token for the first time the zone joins (SEKISHO_ZONE_TOKEN_FILE)."),
    ] = None
    global_ca: Annotated[
        Path | None,
        Parameter(help="The authority of the global control plane, as PEM (SEKISHO_GLOBAL_CA)."),
    ] = None

    def chosen(self) -> place.Place:
        """Raises BadSetting."""
        return settings.place(
            mode=self.mode, zone=self.zone, global_url=self.global_,
            token_file=self.zone_token_file, authority=self.global_ca,
        )  # fmt: skip


ALONE = Place()
