"""LoadBalancing: which endpoint of which place a request goes to."""

from msgspec.structs import replace

from sekisho import ir
from sekisho.model.policies.load_balancing import (
    HashPolicy,
    LeastRequest,
    LoadBalancer,
    LoadBalancingDefault,
    Maglev,
    RingHash,
)
from sekisho.policies.localities import affinity_tags
from sekisho.policies.values import milliseconds


def cluster(node: ir.Cluster, conf: LoadBalancingDefault) -> ir.Cluster:
    """The algorithm, and when other places help."""
    return replace(node, balancing=balancing(node.balancing, conf))


def balancing(node: ir.Balancing, conf: LoadBalancingDefault) -> ir.Balancing:
    """What is not said stays."""
    found = replace(
        node,
        weighted_localities=bool(affinity_tags(conf)),
        overprovisioning_percent=overprovisioning_percent(conf) or node.overprovisioning_percent,
    )
    asked = conf.load_balancer
    return found if asked is None or asked.type is None else _algorithm(found, asked)


def overprovisioning_percent(conf: LoadBalancingDefault) -> int | None:
    """100 / the threshold, in percent, rounded up; None where nothing is said.

    Rounded down, 70 % would be 142: Envoy counts 142 % of 70 healthy ones of 100 as 99 % and sends the rest
    away already *at* the threshold. Below is below.
    """
    awareness = conf.locality_awareness
    cross = awareness.cross_zone if awareness else None
    threshold = cross.failover_threshold if cross else None
    if threshold is None or threshold.percentage is None:
        return None
    return -(-100 * 100 // threshold.percentage)


def _algorithm(node: ir.Balancing, asked: LoadBalancer) -> ir.Balancing:
    found = replace(node, balancer=ir.Balancer(str(asked.type)))
    match found.balancer:
        case ir.Balancer.LEAST_REQUEST:
            return _least_request(found, asked.least_request or LeastRequest())
        case ir.Balancer.RING_HASH:
            return _ring_hash(found, asked.ring_hash or RingHash())
        case ir.Balancer.MAGLEV:
            size = (asked.maglev or Maglev()).table_size
            return replace(found, table_size=size or found.table_size)
        case ir.Balancer.ROUND_ROBIN | ir.Balancer.RANDOM:
            return found


def _least_request(node: ir.Balancing, asked: LeastRequest) -> ir.Balancing:
    bias = asked.active_request_bias
    return replace(
        node,
        choices=asked.choice_count or node.choices,
        active_request_bias=node.active_request_bias if bias is None else float(bias),
    )


def _ring_hash(node: ir.Balancing, asked: RingHash) -> ir.Balancing:
    """Merged from two policies, the sizes may cross: then the larger least one counts."""
    least = asked.min_ring_size or node.min_ring_size
    return replace(
        node,
        hash_function=asked.hash_function or node.hash_function,
        min_ring_size=least,
        max_ring_size=max(least, asked.max_ring_size or node.max_ring_size),
    )


def forward(node: ir.Forward, conf: LoadBalancingDefault) -> ir.Forward:
    """What requests are hashed by."""
    return replace(node, hash_policies=hash_policies(conf)) if conf.hash_policies is not None else node


def outbound(node: ir.Outbound, conf: LoadBalancingDefault) -> ir.Outbound:
    """Bytes can be hashed by the caller's address only."""
    if node.tcp is None or conf.hash_policies is None:
        return node
    found = tuple(one for one in hash_policies(conf) if one.kind == "Connection")
    return replace(node, tcp=replace(node.tcp, hash_policies=found))


def hash_policies(conf: LoadBalancingDefault) -> tuple[ir.HashPolicy, ...]:
    """In the order written."""
    return tuple(_hash_policy(one) for one in conf.hash_policies or ())


def _hash_policy(asked: HashPolicy) -> ir.HashPolicy:
    found = ir.HashPolicy(kind=asked.type, terminal=asked.terminal)
    if asked.header:
        return replace(found, name=asked.header.name.lower())
    if asked.cookie:
        cookie = asked.cookie
        ttl = milliseconds(cookie.ttl)
        return replace(found, name=cookie.name, cookie_path=cookie.path or "", cookie_ttl_ms=ttl)
    if asked.query_parameter:
        return replace(found, name=asked.query_parameter.name)
    return replace(found, name=asked.filter_state.key) if asked.filter_state else found
