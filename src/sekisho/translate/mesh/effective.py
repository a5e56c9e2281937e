"""Policies as they act on each part of a plan. Until policies are wired in, each part stays as it is."""

from sekisho import ir
from sekisho.engine import Read
from sekisho.ir.agent import AgentConfig
from sekisho.ir.sidecar import Inbound, Outbound, Passthrough
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.worlds import World

Client = World | ResourceId
"""Who calls: sidecars of a World (`World.client`), or a Gateway."""


def cluster_with_policies(
    read: Read, client: Client, cluster: ir.Cluster, destination: Destination
) -> ir.Cluster:
    """A cluster as this client uses it."""
    del read, client, destination
    return cluster


def forward_with_policies(
    read: Read, client: Client, forward: ir.Forward, destination: Destination, route: ResourceId | None
) -> ir.Forward:
    """What becomes of a request; `route` is the HTTPRoute that decided, None where there is none."""
    del read, client, destination, route
    return forward


def outbound_with_policies(
    read: Read, client: Client, outbound: Outbound, destination: Destination
) -> Outbound:
    """An outbound port as this client uses it."""
    del read, client, destination
    return outbound


def inbound_with_policies(read: Read, workload: ResourceId, inbound: Inbound) -> Inbound:
    """A port of a workload, with who may call it (`permissions`) and whether HTTP is read for that."""
    del read, workload
    return inbound


def passthrough_with_policies(read: Read, workload: ResourceId, passthrough: Passthrough) -> Passthrough:
    """What becomes of captured connections that leave the mesh."""
    del read, workload
    return passthrough


def agent_with_policies(read: Read, workload: ResourceId, config: AgentConfig) -> AgentConfig:
    """What the agent is told, with the metrics it offers."""
    del read, workload
    return config


def selected_policies(read: Read, workload: ResourceId) -> tuple[ResourceId, ...]:
    """The policies for clients (`to`) that pick this workload by its labels, sorted."""
    del read, workload
    return ()


def has_consumer_policies(read: Read, namespace: str) -> bool:
    """Whether policies of this namespace are for the clients in it alone."""
    del read, namespace
    return False
