"""What a process is told from outside, parsed once; the only reader of the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from sekisho.app import service_range
from sekisho.app.host.own_workload import OwnWorkload, parse
from sekisho.app.zones import place as places
from sekisho.app.zones.place import ALONE, Place
from sekisho.model.mesh import SERVICE_RANGE

ENVIRONMENT: Mapping[str, str] = os.environ

STATE = Path(".sekisho")
"""Default state folder: keys, tokens, the store, kubeconfigs, logs. Made 0700."""
API_PORT = 7443
XDS_PORT = 7444
LARGEST_PORT = 0xFFFF
LOG_LEVELS = ("debug", "info", "warning", "error")


class BadSetting(Exception):
    """A flag or variable has a value that cannot be used; the message names it and says what is expected."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a socket listens."""

    host: str
    """An IP address or name; never empty: listening on all interfaces is written out as `0.0.0.0` or `::`."""
    port: int
    """0 lets the system choose a free one."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str, setting: str) -> "Address":
        """`127.0.0.1:7443`, `[::1]:7443`, `localhost:0`. Raises BadSetting, naming `setting`."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not re.fullmatch("[0-9]{1,5}", port) or int(port) > LARGEST_PORT:
            raise BadSetting(f"{setting}: {text!r} is not an address like 127.0.0.1:{API_PORT}")
        return cls(host, int(port))


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """How a process keeps its log: JSON lines, to stderr or to a file."""

    level: str = "info"
    file: Path | None = None
    """None for stderr."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """Settings of `sekisho control-plane`."""

    state: Path = STATE
    api: Address = Address("127.0.0.1", API_PORT)
    xds: Address = Address("127.0.0.1", XDS_PORT)
    gateways: IPv4Network | IPv6Network | None = None
    """Range in which every Gateway without an address of its own gets one; None for 127.0.0.1 for all.
    Addresses that Gateways ask for by themselves are best left out of it."""
    services: IPv4Network = SERVICE_RANGE
    """Range that virtual addresses of Services come from; their IPv6 form follows from them. What Services
    have already, they keep."""
    logging: Logging = Logging()
    drain: float = 5.0
    """Seconds that streams and requests get to end after SIGTERM."""
    place: Place = ALONE
    """Of which zone it is."""

    @property
    def kubeconfig(self) -> Path:
        """Where the admin's kubeconfig is written."""
        return self.state / "kubeconfig"

    @property
    def agent_kubeconfig(self) -> Path:
        """Where the kubeconfig of an agent on this host is written."""
        return self.state / "agent" / "kubeconfig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Settings of `sekisho agent`."""

    state: Path = STATE / "agent"
    """Keys, last known good configurations, sockets."""
    kubeconfig: Path = STATE / "agent" / "kubeconfig"
    """Where the API is and whom to trust, with a token of the role agent; or see `token_file`."""
    xds: Address = Address("127.0.0.1", XDS_PORT)
    """The control plane's xDS server."""
    logging: Logging = Logging()
    drain: float = 10.0
    """Seconds that open connections of the proxies get after SIGTERM."""
    concurrency: int = 0
    """Worker threads per Envoy; 0 for one per core."""
    workload: OwnWorkload | None = None
    """None for all proxies of this host."""
    token_file: Path | None = None
    """Holds a join token, or another one to use instead of the kubeconfig's."""
    authorities: Path | None = None
    """Certificates of whom this host believes; None for those of its distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """Settings of `sekisho up`, and of each part of `sekisho demo`."""

    folder: Path
    state: Path = STATE
    api: Address = Address("127.0.0.1", API_PORT)
    xds: Address = Address("127.0.0.1", XDS_PORT)
    level: str = "info"
    place: Place = ALONE
    """Of which zone it is; a global control plane has no proxies, so nothing of this host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Settings of `sekisho demo`."""

    state: Path = STATE / "demo"
    """What is in it goes at each start."""
    keep: bool = False
    """Leave it running after the story, to play with."""


def control_plane(  # noqa: PLR0913 - one per flag
    *,
    state: Path | None = None,
    api: str | None = None,
    xds: str | None = None,
    gateways: str | None = None,
    services: str | None = None,
    logging: Logging | None = None,
    drain: float | None = None,
    place: Place | None = None,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> ControlPlane:
    """Flags first, then SEKISHO_STATE, SEKISHO_API, SEKISHO_XDS, SEKISHO_GATEWAYS, SEKISHO_SERVICES, then the
    defaults. `place`: see there.

    Raises BadSetting.
    """
    return ControlPlane(
        state=state or _state(environment),
        api=_address(api, "SEKISHO_API", "--api", API_PORT, environment),
        xds=_address(xds, "SEKISHO_XDS", "--xds", XDS_PORT, environment),
        gateways=_range(gateways, "SEKISHO_GATEWAYS", "--gateways", environment),
        services=_services(services, "SEKISHO_SERVICES", "--services", environment),
        logging=logging or Logging(),
        drain=5.0 if drain is None else _seconds(drain, "--drain"),
        place=place or ALONE,
    )


def place(
    *,
    mode: str | None = None,
    zone: str | None = None,
    global_url: str | None = None,
    token_file: Path | None = None,
    authority: Path | None = None,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> Place:
    """Where a control plane stands: flags first, then SEKISHO_MODE, SEKISHO_ZONE, SEKISHO_GLOBAL,
    SEKISHO_ZONE_TOKEN_FILE, SEKISHO_GLOBAL_CA, then the zone `default`, alone. Raises BadSetting."""
    try:
        return places.parse(
            environment.get("SEKISHO_MODE", "") if mode is None else mode,
            environment.get("SEKISHO_ZONE", "") if zone is None else zone,
            environment.get("SEKISHO_GLOBAL", "") if global_url is None else global_url,
            token_file or _file("SEKISHO_ZONE_TOKEN_FILE", environment),
            authority or _file("SEKISHO_GLOBAL_CA", environment),
        )
    except ValueError as cause:
        raise BadSetting(str(cause)) from cause


def agent(  # noqa: PLR0913  one argument per flag
    *,
    state: Path | None = None,
    kubeconfig: Path | None = None,
    xds: str | None = None,
    logging: Logging | None = None,
    drain: float | None = None,
    concurrency: int = 0,
    workload: OwnWorkload | None = None,
    token_file: Path | None = None,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> Agent:
    """Flags first, then SEKISHO_STATE, SEKISHO_XDS, SSL_CERT_FILE, then the defaults. Raises BadSetting."""
    folder = _state(environment) / "agent"
    if workload is not None and state is None:  # beside the host's agent, not in its place
        folder = _state(environment) / "workloads" / f"{workload.namespace}.{workload.name}"
    if concurrency < 0:
        raise BadSetting("--concurrency: expected 0 (one per core) or more")
    return Agent(
        state=state or folder,
        kubeconfig=kubeconfig or _state(environment) / "agent" / "kubeconfig",
        xds=_address(xds, "SEKISHO_XDS", "--xds", XDS_PORT, environment),
        logging=logging or Logging(),
        drain=10.0 if drain is None else _seconds(drain, "--drain"),
        concurrency=concurrency,
        workload=workload,
        token_file=token_file,
        authorities=_file("SSL_CERT_FILE", environment),
    )


def own_workload(text: str, **flags: Any) -> OwnWorkload:
    """What the flags of `sekisho agent --workload` say, see `own_workload.parse`. Raises BadSetting."""
    try:
        return parse(text, **flags)
    except ValueError as cause:
        raise BadSetting(str(cause)) from cause


def demo(
    *, state: Path | None = None, keep: bool = False, environment: Mapping[str, str] = ENVIRONMENT
) -> Demo:
    """Below the state folder that the flag, SEKISHO_STATE or the default name."""
    return Demo(state=(state or _state(environment)) / "demo", keep=keep)


def up(
    folder: Path,
    *,
    state: Path | None = None,
    api: str | None = None,
    xds: str | None = None,
    level: str = "info",
    place: Place = ALONE,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> Up:
    """Flags first, then SEKISHO_STATE, SEKISHO_API, SEKISHO_XDS, then the defaults. Raises BadSetting."""
    if not folder.is_dir():
        raise BadSetting(f"{folder}: not a folder of YAML files")
    return Up(
        folder=folder,
        state=state or _state(environment),
        api=_address(api, "SEKISHO_API", "--api", API_PORT, environment),
        xds=_address(xds, "SEKISHO_XDS", "--xds", XDS_PORT, environment),
        level=logging_level(level),
        place=place,
    )


def logging_level(text: str) -> str:
    """Raises BadSetting for anything but debug, info, warning, error."""
    if text.lower() not in LOG_LEVELS:
        raise BadSetting(f"--log-level: {text!r} is not one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def kubeconfig(flag: Path | None, environment: Mapping[str, str] = ENVIRONMENT) -> Path | None:
    """The kubeconfig to use: the flag, then the one in the state folder, then KUBECONFIG's first that exists.

    None when there is none at all.
    """
    if flag is not None:
        return flag
    candidates = [_state(environment) / "kubeconfig"]
    candidates += [Path(entry) for entry in environment.get("KUBECONFIG", "").split(os.pathsep) if entry]
    return next((path for path in candidates if path.is_file()), None)


def _state(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("SEKISHO_STATE") or STATE)


def _file(variable: str, environment: Mapping[str, str]) -> Path | None:
    return Path(environment[variable]) if environment.get(variable) else None


def _address(
    flag: str | None, variable: str, option: str, port: int, environment: Mapping[str, str]
) -> Address:
    if flag is not None:
        return Address.parse(flag, option)
    return (
        Address.parse(environment[variable], variable)
        if variable in environment
        else Address("127.0.0.1", port)
    )


def _range(
    flag: str | None, variable: str, option: str, environment: Mapping[str, str]
) -> IPv4Network | IPv6Network | None:
    text, setting = (flag, option) if flag is not None else (environment.get(variable), variable)
    if not text:
        return None
    try:
        return ip_network(text)
    except ValueError as cause:
        raise BadSetting(f"{setting}: {text!r} is not a range of addresses like 10.1.2.0/24") from cause


def _services(flag: str | None, variable: str, option: str, environment: Mapping[str, str]) -> IPv4Network:
    range_ = _range(flag, variable, option, environment)
    if range_ is None:
        return SERVICE_RANGE
    if (why := service_range.fault(range_)) or not isinstance(range_, IPv4Network):
        raise BadSetting(f"{option if flag is not None else variable}: '{range_}' {why}")
    return range_


def _seconds(value: float, setting: str) -> float:
    if not 0 <= value <= 3600:  # noqa: PLR2004 - an hour is beyond any drain
        raise BadSetting(f"{setting}: expected seconds from 0 to 3600, not {value}")
    return value
