"""The backends of a request and what lies behind each: policies for the way, then the way itself."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.control.clients import Client
from sekisho.control.departure import Departure
from sekisho.control.onward import Onward, onward
from sekisho.control.policy_rows import connection_rows
from sekisho.control.route_rows import backend_rows
from sekisho.control.rows import Row
from sekisho.engine import Read
from sekisho.ir.calls import Call, Sent, Target
from sekisho.translate.mesh.names import destination_of

FindCluster = Callable[[str], ir.Cluster | None]


def beyond(
    read: Read,
    client: Client,
    sent: Sent,
    call: Call,
    find_cluster: FindCluster,
    *,
    shadow: bool,
) -> Onward:
    """All backends of a request that is sent on."""
    rows: list[Row] = []
    failures: list[str] = []
    for target in sent.targets:
        rows += backend_rows(sent, target)
        cluster = find_cluster(target.share.cluster) if target.share.cluster else None
        if cluster is not None:
            way = _behind(read, client, cluster, _sent_on(call, sent, target), shadow=shadow)
            rows += way.rows
            failures += way.failures
    return Onward(tuple(rows), tuple(failures))


def _behind(
    read: Read,
    client: Client,
    cluster: ir.Cluster,
    call: Call,
    *,
    shadow: bool,
) -> Onward:
    destination = destination_of(cluster.name)
    policies: Iterator[Row] = iter(())
    if client.policies is not None:
        policies = connection_rows(read, client.policies, destination)
    if cluster.transport is None:  # outside the mesh, and nothing to tell but what policies say
        return Onward(tuple(policies), ())
    way = onward(read, Departure(client, cluster, destination, call, shadow=shadow))
    return Onward((*policies, *way.rows), way.failures)


def _sent_on(call: Call, sent: Sent, target: Target) -> Call:
    return replace(call, host=sent.host, path=sent.path, headers=target.headers)
