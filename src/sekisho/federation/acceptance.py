"""What a receiver takes from a sender: decided by who sends, never by what a message says of itself."""

import re
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Protocol

from sekisho.federation.messages import Batch
from sekisho.federation.table import DOWN_KINDS, UP_KINDS, WAYS, Document, Way, id_of, labels_of
from sekisho.model.names import ResourceId
from sekisho.model.origin import GLOBAL, ORIGIN_LABEL, ZONE, ZONE_LABEL, origin_zone, zoned

_TRUST_DOMAIN = re.compile(r"[^.]+\.([^.]+)\.mesh\.local")
"""As trust domains look unless a MeshIdentity says otherwise; the group is the zone they belong to."""


class Sender(Protocol):
    """Whom a receiver listens to, and what of the receiver's store is a copy from there."""

    @property
    def kinds(self) -> Collection[str]:
        """What may come from there."""
        ...

    def sent(self, stored: Document) -> bool:
        """Whether something stored came from there: then it may be changed from there, and only then."""
        ...

    def refusal(self, document: Document) -> str:
        """Why something is not taken from there, whatever it is in itself; empty when it may be."""
        ...


@dataclass(frozen=True, slots=True)
class FromZone:
    """A zone, at global. It was known by its certificate."""

    zone: str
    trust: Mapping[str, AbstractSet[str]]
    """Trust domain → the zones whose it is at global already; empty text for global's own."""

    kinds = UP_KINDS

    def sent(self, stored: Document) -> bool:
        """See `Sender.sent`."""
        return origin_zone(labels_of(stored)) == self.zone

    def refusal(self, document: Document) -> str:
        """A zone speaks for itself, and says so."""
        id, spec = id_of(document), document.get("spec") or {}
        if id.kind not in UP_KINDS:
            return f"a zone cannot send {id.kind}"
        if (labels_of(document).get(ORIGIN_LABEL), labels_of(document).get(ZONE_LABEL)) != (ZONE, self.zone):
            return f"its labels do not say that it comes from the zone {self.zone}"
        if not id.name.endswith(zoned("", self.zone)):
            return f"the names of what comes from the zone {self.zone} end in .{self.zone}"
        if WAYS[id.kind] is Way.RECORD and spec.get("zone", self.zone) != self.zone:
            return f"it speaks for the zone {spec['zone']}"
        return self._trust_refusal(spec["trustDomain"]) if id.kind == "MeshTrust" else ""

    def _trust_refusal(self, domain: str) -> str:
        """Who may name the authorities of a trust domain can be everybody in it."""
        named = _TRUST_DOMAIN.fullmatch(domain)
        owners = {named[1]} if named else self.trust.get(domain)
        if not owners or self.zone in owners:
            return ""
        return f"the trust domain {domain} is not of the zone {self.zone}"


@dataclass(frozen=True, slots=True)
class FromGlobal:
    """The global control plane, in a zone."""

    zone: str
    """The zone that receives: of itself it takes nothing from others."""

    kinds = DOWN_KINDS

    def sent(self, stored: Document) -> bool:
        """See `Sender.sent`."""
        labels = labels_of(stored)
        return labels.get(ORIGIN_LABEL) == GLOBAL or origin_zone(labels) not in ("", self.zone)

    def refusal(self, document: Document) -> str:
        """Only what crosses, and nothing that is to be this zone's."""
        id, labels = id_of(document), labels_of(document)
        if id.kind not in DOWN_KINDS:
            return f"the global control plane cannot send {id.kind}"
        origin = origin_zone(labels)
        if origin == self.zone:
            return "it is said to come from this zone itself"
        if origin and not id.name.endswith(zoned("", origin)):
            return f"the names of what comes from the zone {origin} end in .{origin}"
        is_record = WAYS[id.kind] is Way.RECORD
        if not origin and (is_record or labels.get(ORIGIN_LABEL) != GLOBAL):
            return "its labels do not say where it comes from"
        if is_record and (document.get("spec") or {}).get("zone", origin) != origin:
            return f"it comes from the zone {origin} and speaks for another"
        return ""


@dataclass(frozen=True, slots=True)
class Held:
    """What a receiver remembers of a sender. Stored with what it took, so that a backup has both."""

    token: str = ""
    """Where to resume."""
    kept: frozenset[ResourceId] = frozenset()
    """Copies that a sender with another history did not list. They stay until someone agrees, or it lists
    them again: a restored backup must not take services away."""
    confirmation: str = ""
    """What agreeing to that is called; another one each time."""
    conflicts: frozenset[ResourceId] = frozenset()
    """Ids under which the receiver has something of its own, which stays."""
    refused: frozenset[ResourceId] = frozenset()
    """Ids of what the receiver could not take: another version of it perhaps can."""

    def agreed(self) -> "Held":
        """Nothing waits any more."""
        return replace(self, kept=frozenset(), confirmation="")


@dataclass(frozen=True, slots=True)
class Ending:
    """What the end of a listing means for the copies that were not in it."""

    gone: frozenset[ResourceId]
    """Are deleted."""
    kept: frozenset[ResourceId]
    """Stay, all told, until someone agrees."""


def ending(batch: Batch, held: Held, copies: Iterable[ResourceId], listed: Collection[ResourceId]) -> Ending:
    """`copies` are all that came from this sender, `listed` what the listing that `batch` ends has named."""
    missing = frozenset(copies).difference(listed)
    if held.token and not batch.continues:
        return Ending(frozenset(), missing)
    return Ending(missing - held.kept, held.kept & missing)
