"""Load balancing: which endpoint of a cluster a request goes to."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import value

_POLICIES = {
    ir.Balancer.ROUND_ROBIN: "ROUND_ROBIN",
    ir.Balancer.LEAST_REQUEST: "LEAST_REQUEST",
    ir.Balancer.RANDOM: "RANDOM",
    ir.Balancer.RING_HASH: "RING_HASH",
    ir.Balancer.MAGLEV: "MAGLEV",
}
_HASH_FUNCTIONS = {"XXHash": "XX_HASH", "MurmurHash2": "MURMUR_HASH_2"}
_DEFAULT = ir.Balancing()


def load_balancing(wanted: ir.Balancing) -> dict[str, Any]:
    """Fields of envoy.config.cluster.v3.Cluster."""
    return {"lb_policy": _POLICIES[wanted.balancer], **_parameters(wanted), **_common(wanted)}


def _parameters(wanted: ir.Balancing) -> dict[str, Any]:
    match wanted.balancer:
        case ir.Balancer.LEAST_REQUEST:
            return _least_request(wanted)
        case ir.Balancer.RING_HASH:
            ring = {
                "minimum_ring_size": value(wanted.min_ring_size),
                "maximum_ring_size": value(wanted.max_ring_size),
                "hash_function": _HASH_FUNCTIONS[wanted.hash_function],
            }
            return {"ring_hash_lb_config": ring}
        case ir.Balancer.MAGLEV:
            return {"maglev_lb_config": {"table_size": value(wanted.table_size)}}
        case _:
            return {}


def _least_request(wanted: ir.Balancing) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if wanted.choices != _DEFAULT.choices:
        fields["choice_count"] = value(wanted.choices)
    if wanted.active_request_bias != _DEFAULT.active_request_bias:
        key = "sekisho.least_request.active_request_bias"  # of a runtime layer that nobody writes
        fields["active_request_bias"] = {"default_value": wanted.active_request_bias, "runtime_key": key}
    return {"least_request_lb_config": fields} if fields else {}


def _common(wanted: ir.Balancing) -> dict[str, Any]:
    """envoy.config.cluster.v3.Cluster.CommonLbConfig"""
    fields: dict[str, Any] = {}
    if wanted.panic_percent != _DEFAULT.panic_percent:
        fields["healthy_panic_threshold"] = {"value": float(wanted.panic_percent)}
    if wanted.weighted_localities:
        fields["locality_weighted_lb_config"] = {}
    elif wanted.fail_on_panic:
        fields["zone_aware_lb_config"] = {"fail_traffic_on_panic": True}
    return {"common_lb_config": fields} if fields else {}
