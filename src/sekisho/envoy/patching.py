"""Which ProxyPatches change what is published, and what becomes of those that a proxy refused.

Mostly there are none: then a resource is made as always, and what several views share stays shared.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sekisho.engine import Output, Read, index, output, query
from sekisho.envoy.patches import Patched, added, fault, patched
from sekisho.envoy.resource import Resource, resource
from sekisho.ir.patches import Patch, Refusal, Side
from sekisho.model.names import ResourceId
from sekisho.policies import proxy_patch
from sekisho.policies.merging import merged, typed
from sekisho.policies.registry import BY_KIND
from sekisho.translate.facts import PatchRejection, ViewKey
from sekisho.translate.mesh.effective import patches_of
from sekisho.translate.mesh.policy_index import entries, is_live
from sekisho.translate.mesh.sight import WORLDS
from sekisho.translate.mesh.worlds import World

Build = Callable[[Read, Any], Resource | None]

_ADDED_TO: dict[str, frozenset[str]] = {
    "World": frozenset({"", "outbound"}),
    "Workload": frozenset({"inbound", "passthrough"}),
    "Gateway": frozenset({"", "gateway"}),
}
"""In which views new clusters are, by the side a patch names: a sidecar follows two, and is told once."""


def changeable(
    build: Build,
    planned: Output[Any],
    make: Callable[[Any], Any],
    side: Side,
    view: Callable[[Any], ViewKey],
) -> Build:
    """`build`, but for what ProxyPatches change. `make`: the plan of a key as a message."""

    def with_patches(read: Read, key: Any) -> Resource | None:
        client = canonical(view(key))
        patches = patches_of(read, client)
        if not patches:
            return build(read, key)
        wanted = planned.build(read, key)
        return None if wanted is None else _changed(read, client, make(wanted), patches, side)

    return with_patches


def canonical(view: ViewKey) -> ViewKey:
    """The view for patches: Worlds that differ only in what they see share them."""
    return view.client if isinstance(view, World) else view


def _changed(
    read: Read, view: ViewKey, message: Any, patches: Sequence[Patch], side: Side
) -> Resource | None:
    """What a proxy refused is not sent again: then one author's changes are left out at a time, until what
    is left is not known to be refused; in the end, those of all of them."""
    whole = patched(message, patches, side)
    if whole.message is None:
        return None
    made = _published(whole)
    refused: dict[str, str] = dict(read.leaf(PatchRejection.of(view, made.type_url, made.name)) or ())
    if made.version not in refused:
        return made
    reason, found = refused[made.version], made
    for omitted in _omissions(made.authors):
        left = patched(message, [one for one in patches if one.origin.resource not in omitted], side)
        found = _published(left)._replace(refusals=(*whole.refusals, *_blamed(whole, omitted, reason)))
        if found.version not in refused:
            break
    return found


def _published(found: Patched) -> Resource:
    authors = tuple(sorted({origin.resource for origin in found.applied}))
    return resource(found.message)._replace(authors=authors, refusals=found.refusals)


def _omissions(authors: Sequence[ResourceId]) -> Iterator[frozenset[ResourceId]]:
    """Each alone, then all together."""
    if len(authors) > 1:
        yield from (frozenset({one}) for one in authors)
    yield frozenset(authors)


def _blamed(whole: Patched, omitted: frozenset[ResourceId], reason: str) -> Iterator[Refusal]:
    for origin in whole.applied:
        if origin.resource in omitted:
            yield Refusal(origin, f"refused by a proxy: {reason}")


@query
def _additions(read: Read, view: ViewKey) -> dict[str, Resource]:
    """New clusters by name; of two with one name, the last one's."""
    sides = _ADDED_TO[view.kind]
    found: dict[str, Resource] = {}
    for patch in patches_of(read, view):
        if patch.side in sides:
            for message in added([patch])[0]:
                found[message.name] = resource(message)._replace(authors=(patch.origin.resource,))
    return found


def _places(read: Read, view: ViewKey) -> Iterator[tuple[ViewKey, str]]:
    if (isinstance(view, World) or read.leaf(view) is not None) and patches_of(read, canonical(view)):
        for name in _additions(read, canonical(view)):
            yield view, name


def _addition(read: Read, key: tuple[ViewKey, str]) -> Resource | None:
    """A new cluster that a proxy refused is nobody else's loss: its author is told, and that is all."""
    view, name = key
    made = _additions(read, canonical(view)).get(name)
    if made is None:
        return None
    refused = dict(read.leaf(PatchRejection.of(canonical(view), made.type_url, name)) or ())
    if made.version not in refused:
        return made
    origins = (one.origin for one in patches_of(read, canonical(view)) if one.origin.resource in made.authors)
    reason = f"refused by a proxy: {refused[made.version]}"
    return made._replace(refusals=(Refusal(next(origins), reason),))


def _faults(read: Read, policy: ResourceId) -> tuple[Refusal, ...] | None:
    """What can never be done, whatever it is done to; none for a policy without such faults."""
    parts = [entry.part for entry in entries(read, policy)]
    if not parts or not is_live(read, read.leaf(policy)):
        return None
    whole = merged(parts)
    value: Any = typed(whole, BY_KIND[policy.kind].default)
    return tuple(one for patch in proxy_patch.patches(value, whole.origins) for one in _faulty(patch)) or None


def _faulty(patch: Patch) -> Iterator[Refusal]:
    if patch.operation == "Add" and patch.target == "cluster":
        yield from added([patch])[1]
    elif why := fault(patch):
        yield Refusal(patch.origin, why)


_ADDED = index("clusters of patches", source=(WORLDS, "Workload", "Gateway"), emit=_places, when="ProxyPatch")

PATCH_CLUSTERS = output("clusters that patches add", source=_ADDED, build=_addition)
"""(view, cluster name) → `Resource`."""

PATCH_FAULTS = output("faults of patches", source="ProxyPatch", build=_faults)
"""ProxyPatch → what of it is never done, and why."""
