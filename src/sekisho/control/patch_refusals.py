"""What becomes of ProxyPatches: which of their changes proxies refused, and what their authors are told."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sekisho.engine import Output
from sekisho.envoy.outputs import EMISSIONS
from sekisho.envoy.patching import PATCH_FAULTS, canonical
from sekisho.envoy.resource import Resource
from sekisho.ir.patches import Refusal
from sekisho.model.names import ResourceId
from sekisho.translate.facts import PatchRefusals, PatchRejection, Rejection

VERSIONS_KEPT = 16
"""Refused versions remembered of one resource: one for each author that may be to blame, and some edits."""
TOLD = 5
"""Sentences for one policy; the rest is counted."""
_NOT_OURS = ("Address already in use", "Cannot assign requested address", "Permission denied")
"""What the kernel says about a socket: no patch may touch its address."""

Changed = Mapping[Output[Any], Mapping[Any, Any]]
Leaves = dict[Any, Any]


class PatchBook:
    """Follows the commits, and says which leaves follow of each."""

    def __init__(self) -> None:
        self._patched: dict[PatchRejection, Resource] = {}
        self._rejected: dict[PatchRejection, tuple[tuple[str, str], ...]] = {}
        self._by_policy: dict[ResourceId, dict[PatchRejection | None, tuple[Refusal, ...]]] = {}
        """None stands for what is wrong wherever it is tried."""
        self._told: dict[ResourceId, tuple[str, ...]] = {}

    def rejected(self, rejection: Rejection, version: str, message: str) -> Leaves:
        """A proxy refused a version; no leaves where no patch is in it."""
        _, view, type_url, name = rejection
        place = PatchRejection.of(canonical(view), type_url, name)
        made = self._patched.get(place)
        if made is None or made.version != version or any(cause in message for cause in _NOT_OURS):
            return {}
        known = (*self._rejected.get(place, ()), (version, message))[-VERSIONS_KEPT:]
        self._rejected[place] = known
        return {place: known}

    def note(self, outputs: Changed) -> Leaves:
        """The leaves that a commit makes change, for the next one."""
        leaves: Leaves = {}
        for place, made in self._of_interest(outputs):
            if made is not None and made.authors:
                self._patched[place] = made
            else:
                self._patched.pop(place, None)
            if place in self._rejected and (made is None or not made.refusals):
                del self._rejected[place]
                leaves[place] = None
            self._tell(place, made.refusals if made is not None else ())
        for policy, faults in outputs.get(PATCH_FAULTS, {}).items():
            self._enter(policy, None, faults or ())
        return leaves | self._news()

    def _of_interest(self, outputs: Changed) -> Iterator[tuple[PatchRejection, Resource | None]]:
        """Where patches are or were; mostly nowhere, so that is seen first."""
        for emission in EMISSIONS:
            for key, made in outputs.get(emission.output, {}).items():
                if (made is not None and (made.authors or made.refusals)) or self._patched or self._by_policy:
                    view = emission.view(key)
                    yield PatchRejection.of(canonical(view), emission.type_url, emission.name(key)), made

    def _tell(self, place: PatchRejection, refusals: tuple[Refusal, ...]) -> None:
        policies = {one.origin.resource for one in refusals}
        before = [policy for policy, places in self._by_policy.items() if place in places]
        for policy in {*policies, *before}:
            self._enter(policy, place, tuple(one for one in refusals if one.origin.resource == policy))

    def _enter(self, policy: ResourceId, place: PatchRejection | None, refusals: tuple[Refusal, ...]) -> None:
        places = self._by_policy.setdefault(policy, {})
        if refusals:
            places[place] = refusals
        else:
            places.pop(place, None)
            if not places:
                del self._by_policy[policy]

    def _news(self) -> Leaves:
        told = {policy: _sentences(places) for policy, places in self._by_policy.items()}
        changed: Leaves = {
            PatchRefusals.of(policy): told.get(policy)
            for policy in {*told, *self._told}
            if told.get(policy) != self._told.get(policy)
        }
        self._told = told
        return changed


def _sentences(places: Mapping[PatchRejection | None, Iterable[Refusal]]) -> tuple[str, ...]:
    """Each reason once, with the resources it is about."""
    found: dict[tuple[str, str], set[str]] = {}
    for place, refusals in places.items():
        for one in refusals:
            names = found.setdefault((one.origin.path, one.message), set())
            if place is not None:
                names.add(place.resource_name)
    sentences = sorted(f"{path}: {message}{_about(names)}" for (path, message), names in found.items())
    more = len(sentences) - TOLD
    return (*sentences[:TOLD], *([f"and {more} more"] if more > 0 else []))


def _about(names: set[str]) -> str:
    if not names:
        return ""
    first, *others = sorted(names)
    return f" ({first}{f' and {len(others)} more' if others else ''})"
