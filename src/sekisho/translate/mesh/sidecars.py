"""What a sidecar is besides its ports: what its agent is told, and what becomes of connections to outside."""

from ipaddress import IPv4Network
from typing import NamedTuple

from sekisho.engine import Read, output, query
from sekisho.ir.agent import AgentConfig, Excluded, GrpcProbe, HttpProbe, Probe, TcpProbe
from sekisho.ir.sidecar import VIRTUAL_RANGES, Passthrough
from sekisho.ir.transport import MutualTlsMode
from sekisho.model import probe as written
from sekisho.model.names import Origin, ResourceId
from sekisho.model.workload import Sidecar, Workload
from sekisho.translate.facts import Authority, AuthorityState, Settings, SettingsKey
from sekisho.translate.gateway.classes import serves
from sekisho.translate.gateway.gateways import normal_address
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.inbounds import LOOPBACK, inbounds
from sekisho.translate.mesh.instances import is_meshed
from sekisho.translate.mesh.issuers import issuance
from sekisho.translate.mesh.meshes import mesh_of

SIDECAR_NAME = "sidecar"
PASSTHROUGH_NAME = "passthrough"


class _Spire(NamedTuple):
    """Where an identity comes from if SPIRE issues it, and which one; else empty."""

    socket: str
    identity: str


def agent_config(read: Read, workload: ResourceId) -> AgentConfig | None:
    """What the agent beside a workload is told; None without a sidecar."""
    if not is_meshed(read, workload):
        return None
    resource: Workload = read.leaf(workload)
    spec, sidecar = resource.spec, resource.spec.sidecar or Sidecar()
    address = normal_address(spec.address) or spec.address
    application = spec.app_address or (LOOPBACK if sidecar.capture == "None" else address)
    ports = list(inbounds(read, workload))
    spire = _spire(read, workload)
    plain = AgentConfig(
        account=f"{workload.namespace}/{spec.service_account_name}",
        address=address,
        application_address=application,
        application_ports=tuple(sorted({port.target_port for port in ports})),
        capture=sidecar.capture,
        excluded=_excluded(sidecar),
        virtual_ranges=virtual_ranges(read),
        strict=all(one.tls is not None and one.tls.mode is MutualTlsMode.STRICT for one in ports),
        probe=None if spec.readiness_probe is None else _probe(spec.readiness_probe, resource),
        spire_socket=spire.socket,
        spire_identity=spire.identity,
        renew_before=_renew_before(read, workload),
        origin=Origin(workload, "spec.sidecar"),
    )
    return effective.agent_with_policies(read, workload, plain)


@query
def virtual_ranges(read: Read) -> tuple[str, ...]:
    """Where virtual addresses are from in this zone, whichever part of it is in use (CIDR)."""
    own = (read.leaf(SettingsKey()) or Settings()).service_range
    usual = (IPv4Network(range_) for range_ in VIRTUAL_RANGES if ":" not in range_)
    return VIRTUAL_RANGES if any(own.subnet_of(range_) for range_ in usual) else (str(own), *VIRTUAL_RANGES)


def gateway_agent_config(read: Read, gateway: ResourceId) -> AgentConfig | None:
    """What the agent beside a Gateway of a mesh is told: who issues its identity, when to renew it, and where
    to send metrics."""
    if not serves(read, gateway) or not mesh_of(read, gateway.namespace):
        return None
    spire = _spire(read, gateway)
    plain = AgentConfig(
        account=f"{gateway.namespace}/{gateway.name}",
        address="",
        application_address="",
        spire_socket=spire.socket,
        spire_identity=spire.identity,
        renew_before=_renew_before(read, gateway),
        origin=Origin(gateway),
    )
    return effective.agent_with_policies(read, gateway, plain)


def passthrough(read: Read, workload: ResourceId) -> Passthrough | None:
    """Everything may leave, unless a policy says otherwise; None where nothing is captured.

    What has a virtual address and no listener is not for this workload to see, or gone: nobody else would
    answer there, and the workload is told at once.
    """
    sidecar = read.leaf(workload).spec.sidecar
    if not is_meshed(read, workload) or sidecar.capture == "None":
        return None
    transparent = sidecar.capture == "TransparentProxy"
    plain = Passthrough(
        everything=True,
        closed=virtual_ranges(read),
        transparent=transparent,
        origin=Origin(workload, "spec.sidecar.capture"),
    )
    return effective.passthrough_with_policies(read, workload, plain)


def _excluded(sidecar: Sidecar) -> Excluded:
    if sidecar.exclude is None:
        return Excluded()
    return Excluded(
        inbound_ports=sidecar.exclude.inbound_ports,
        outbound_ports=sidecar.exclude.outbound_ports,
        outbound_ranges=sidecar.exclude.outbound_ranges,
        users=tuple(str(user) for user in sidecar.exclude.users),
    )


def _probe(wanted: written.Probe, workload: Workload) -> Probe | None:
    handler: HttpProbe | TcpProbe | GrpcProbe
    if wanted.http_get is not None:
        asked = wanted.http_get
        handler = HttpProbe(
            port=_application_port(asked.port, workload),
            path=asked.path,
            scheme=asked.scheme,
            host=asked.host or "",
            headers=tuple((header.name, header.value) for header in asked.http_headers),
        )
    elif wanted.tcp_socket is not None:
        handler = TcpProbe(port=_application_port(wanted.tcp_socket.port, workload))
    elif wanted.grpc is not None:
        handler = GrpcProbe(port=wanted.grpc.port, service=wanted.grpc.service)
    else:
        return None
    return Probe(
        handler=handler,
        period=float(wanted.period_seconds),
        timeout=float(wanted.timeout_seconds),
        initial_delay=float(wanted.initial_delay_seconds),
        failures=wanted.failure_threshold,
        successes=wanted.success_threshold,
    )


def _application_port(port: int | str, workload: Workload) -> int:
    """A number is the application's own; a name is one of the Workload's ports, behind the proxy."""
    if isinstance(port, int):
        return port
    named = (one.target_port or one.port for one in workload.spec.ports if one.name == port)
    return next(named, 0)


def _spire(read: Read, member: ResourceId) -> _Spire:
    found = issuance(read, member)
    return _Spire(found.spire_socket, found.spiffe_id) if found and found.spire_socket else _Spire("", "")


def _renew_before(read: Read, member: ResourceId) -> str:
    state: AuthorityState | None = read.leaf(Authority.of(mesh_of(read, member.namespace)))
    return "" if state is None else state.renew_before


def _agent_config(read: Read, member: ResourceId) -> AgentConfig | None:
    return (gateway_agent_config if member.kind == "Gateway" else agent_config)(read, member)


SIDECARS = output("agent configurations", source=("Workload", "Gateway"), build=_agent_config)
"""Workload or Gateway → `ir.AgentConfig`; none without a sidecar or mesh."""

PASSTHROUGHS = output("passthroughs", source="Workload", build=passthrough)
"""Workload → `ir.Passthrough`; none where nothing is captured."""
