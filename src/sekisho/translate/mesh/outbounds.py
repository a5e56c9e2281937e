"""The ports of others as a workload calls them through its sidecar."""

from msgspec.structs import replace

from sekisho.engine import Read
from sekisho.ir.sidecar import Outbound
from sekisho.ir.tcp import TcpForward
from sekisho.ir.transport import ALPN_TCP
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.byte_tables import bytes_of
from sekisho.translate.mesh.clusters import plain_outbound, reads_http
from sekisho.translate.mesh.destinations import addresses
from sekisho.translate.mesh.external import is_named
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.route_tables import backends
from sekisho.translate.mesh.worlds import World
from sekisho.translate.zone.egress import is_through_egress


def outbound(read: Read, profile: World, destination: Destination) -> Outbound | None:
    """One port; None where it has no address to be called at."""
    called_at = addresses(read, destination.resource, profile.outbound)
    if not called_at:
        return None
    client, bound = profile.client, bool(profile.outbound)
    plain = plain_outbound(destination, addresses=tuple(sorted(called_at)), bound=bound)
    if not reads_http(read, client, destination):
        # Others are spoken to as their ExternalService says.
        alpn = ALPN_TCP if destination.kind != "ExternalService" else ""
        found = bytes_of(read, client, destination)
        plain = Outbound(
            name=plain.name,
            addresses=plain.addresses,
            port=plain.port,
            bound=bound,
            tcp=TcpForward(shares=found.shares, is_named=_is_named(read, destination), alpn=alpn),
            by_server_name=found.named,
            origin=plain.origin,
        )
    leads = backends(read, client, destination) if profile.on_demand else ()
    if any(one.kind != "ExternalService" for one in leads):  # those are known, or on purpose not there
        plain = replace(plain, on_demand=True)
    return effective.outbound_with_policies(read, client, plain, destination)


def _is_named(read: Read, destination: Destination) -> bool:
    """A zone egress is no name: it looks them up itself."""
    service = destination.resource
    outside = service.kind == "ExternalService" and not is_through_egress(read, service)
    return outside and is_named(read, service)
