"""What the agent beside a proxy does itself, without Envoy: names, capture, probes, merged metrics.

Both structs travel to it as the JSON that msgspec makes of them, under the type URLs below.
"""

from typing import Literal

from msgspec import Struct

from sekisho.ir.sidecar import VIRTUAL_RANGES
from sekisho.model.names import Origin

HOSTNAME_TYPE = "type.googleapis.com/sekisho.agent.v1.Hostname"
"""A `HostnameRecord`; the resource is called like the host. In the view of a World."""
SIDECAR_TYPE = "type.googleapis.com/sekisho.agent.v1.Sidecar"
"""An `AgentConfig`; the resource is called `sidecar`. In the view of a Workload."""


class HostnameRecord(Struct, frozen=True, kw_only=True, gc=False):
    """What DNS says about one name of the mesh."""

    name: str
    """In lower case, without the dot at the end; `*.example.com` for all names below that have no record."""
    addresses: tuple[str, ...] = ()
    """IPv4 and IPv6, sorted; none says that the name exists and has no address now (a headless Service)."""
    origin: Origin


class HttpProbe(Struct, frozen=True, kw_only=True, gc=False, tag="http"):
    """Good when the answer's status is from 200 to 399."""

    port: int
    path: str = "/"
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    """HTTPS does not verify the certificate, as a kubelet does not."""
    host: str = ""
    """Of the Host header; the address that is asked otherwise."""
    headers: tuple[tuple[str, str], ...] = ()


class TcpProbe(Struct, frozen=True, kw_only=True, gc=False, tag="tcp"):
    """Good when the connection is taken."""

    port: int


class GrpcProbe(Struct, frozen=True, kw_only=True, gc=False, tag="grpc"):
    """Good when `grpc.health.v1.Health/Check` says SERVING."""

    port: int
    service: str = ""


class Probe(Struct, frozen=True, kw_only=True, gc=False):
    """When the application is ready (a Kubernetes Probe, with its defaults)."""

    handler: HttpProbe | TcpProbe | GrpcProbe
    period: float = 10.0
    timeout: float = 1.0
    """Seconds."""
    initial_delay: float = 0.0
    failures: int = 3
    """So many failures in a row make it unready."""
    successes: int = 1


class ApplicationMetrics(Struct, frozen=True, kw_only=True, gc=False):
    """Prometheus metrics the application offers."""

    name: str
    address: str
    port: int
    path: str = "/metrics"


class MetricsPush(Struct, frozen=True, kw_only=True, gc=False):
    """A collector that metrics are sent to (OTLP over gRPC)."""

    address: str
    """IP address or host name."""
    port: int
    interval: float = 60.0
    """Seconds."""


class MetricsEndpoint(Struct, frozen=True, kw_only=True, gc=False):
    """Where the metrics of Envoy and of the application together are found, and where they are sent."""

    address: str
    port: int = 0
    """Where Prometheus finds them; 0 for nowhere."""
    path: str = "/metrics"
    pushes: tuple[MetricsPush, ...] = ()
    include: tuple[str, ...] = ()
    """RE2 of whole names of Envoy's metrics; none for all."""
    exclude: tuple[str, ...] = ()
    unused: bool = False
    """Whether metrics that never counted anything are told too."""
    applications: tuple[ApplicationMetrics, ...] = ()


class Excluded(Struct, frozen=True, kw_only=True, gc=False):
    """What is not captured."""

    inbound_ports: tuple[int, ...] = ()
    outbound_ports: tuple[int, ...] = ()
    outbound_ranges: tuple[str, ...] = ()
    """CIDR."""
    users: tuple[str, ...] = ()
    """Numbers or names of system users."""


class AgentConfig(Struct, frozen=True, kw_only=True, gc=False):
    """A workload's sidecar beside its Envoy."""

    account: str
    """`<namespace>/<service account>`."""
    address: str
    """Where others reach the workload."""
    application_address: str
    """Where the application listens, and is probed."""
    application_ports: tuple[int, ...] = ()
    """Ports that the application listens on (targetPort), sorted."""
    capture: Literal["None", "Redirect", "TransparentProxy"] = "None"
    excluded: Excluded = Excluded()
    virtual_ranges: tuple[str, ...] = VIRTUAL_RANGES
    """CIDRs of virtual addresses, for which a captured workload needs routes."""
    strict: bool = True
    """Whether plain connections past the proxy are refused."""
    probe: Probe | None = None
    metrics: MetricsEndpoint | None = None
    zones: tuple[str, ...] = ("mesh.local",)
    """Domains of the mesh: a name in them without a record does not exist. All others are forwarded."""
    spire_socket: str = ""
    """Of a SPIRE agent's Workload API, which then issues the identity; empty for none."""
    spire_identity: str = ""
    """The SPIFFE ID to take of those that the SPIRE agent has for the workload's agent."""
    renew_before: str = ""
    """RFC 3339. An identity signed before this moment (NotBefore without what it is backdated by) is renewed
    at once: its root goes, or has gone. Empty for never."""
    origin: Origin
