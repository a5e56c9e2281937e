"""Near endpoints first: by priority of their zone, grouped by the labels they have in common with a caller.

Pure functions over plain values: who may help whom among zones is decided by names alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from sekisho import ir
from sekisho.model.policies.load_balancing import AffinityTag, Failover, FailoverTo, LoadBalancingDefault

_BASE = 9
"""Weight of the group before the last one; each nearer one weighs ten times as much."""
_NONE_IN_COMMON = 1


class Place(NamedTuple):
    """Where a caller is."""

    zone: str
    """That of its control plane."""
    labels: Mapping[str, str]
    """At least those that affinity tags name."""


def grouped(
    endpoints: Iterable[tuple[ir.Endpoint, Mapping[str, str]]], caller: Place, conf: LoadBalancingDefault
) -> tuple[ir.Endpoint, ...]:
    """The endpoints a caller uses, each with its priority and the weight of its locality, sorted.

    `endpoints`: each with the labels of its workload. Without awareness all are alike. Zones that no step
    names are never used; without steps, every other zone helps. Where tags weigh the localities of the
    caller's zone, those of others are weighed, too: by what stands there, as Envoy passes over a locality
    that has no weight beside one that has.
    """
    awareness = conf.locality_awareness
    found = list(endpoints)
    if awareness and awareness.disabled:
        return tuple(sorted(endpoint for endpoint, _ in found))
    sizes: Counter[str] = Counter()
    for endpoint, _ in found:
        sizes[endpoint.zone] += endpoint.weight
    steps = awareness.cross_zone.failover if awareness and awareness.cross_zone else None
    order, tags = priorities(caller.zone, sizes, steps), affinity_tags(conf)
    return tuple(
        sorted(
            _local(endpoint, labels, caller, tags)
            if endpoint.zone == caller.zone
            else _with(endpoint, order[endpoint.zone], locality_weight=sizes[endpoint.zone] if tags else 0)
            for endpoint, labels in found
            if endpoint.zone in order
        )
    )


def affinity_tags(conf: LoadBalancingDefault) -> tuple[AffinityTag, ...]:
    """What endpoints of the caller's own zone are grouped by; nothing where places do not count."""
    awareness = conf.locality_awareness
    if awareness is None or awareness.disabled or awareness.local_zone is None:
        return ()
    return awareness.local_zone.affinity_tags or ()


def priorities(local: str, zones: Iterable[str], steps: Sequence[Failover] | None) -> Mapping[str, int]:
    """Zone → priority, for those that are used: the caller's own is 0, then step by step, without gaps."""
    others = sorted({*zones} - {local})
    found = {local: 0}
    for one in _steps(local, steps):
        named = [zone for zone in others if zone not in found and _is_meant(one, zone)]
        found |= dict.fromkeys(named, max(found.values()) + 1) if named else {}
        if one.type == "None":
            break
    return found


def _steps(local: str, steps: Sequence[Failover] | None) -> list[FailoverTo]:
    if steps is None:
        return [FailoverTo(type="Any")]
    return [one.to for one in steps if one.from_ is None or local in one.from_.zones]


def _is_meant(to: FailoverTo, zone: str) -> bool:
    match to.type:
        case "None":
            return False
        case "Any":
            return True
        case "Only":
            return zone in to.zones
        case "AnyExcept":
            return zone not in to.zones


def weights(tags: Sequence[AffinityTag]) -> tuple[int, ...]:
    """Of the groups, the nearest first: as written, else 9·10ⁿ from the last one up."""
    last = len(tags) - 1
    return tuple(
        _BASE * 10 ** (last - index) if tag.weight is None else tag.weight for index, tag in enumerate(tags)
    )


def _local(
    endpoint: ir.Endpoint, labels: Mapping[str, str], caller: Place, tags: Sequence[AffinityTag]
) -> ir.Endpoint:
    """In the group of the first label it has in common with the caller."""
    if not tags:
        return _with(endpoint, 0)
    for tag, weight in zip(tags, weights(tags), strict=True):
        own = caller.labels.get(tag.key)
        if own is not None and labels.get(tag.key) == own:
            return _with(endpoint, 0, f"{tag.key}={own}", weight)
    return _with(endpoint, 0, "", _NONE_IN_COMMON)


def _with(endpoint: ir.Endpoint, priority: int, sub_zone: str = "", locality_weight: int = 0) -> ir.Endpoint:
    return replace(endpoint, priority=priority, sub_zone=sub_zone, locality_weight=locality_weight)
