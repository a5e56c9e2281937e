"""Leaves that are not resources: what the control loop observes and tells the translators.

Each key is a NamedTuple whose first field is its kind, so it never equals a `ResourceId`.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import NamedTuple

from msgspec import Struct

from sekisho.model.mesh import SERVICE_RANGE
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.worlds import World

ViewKey = ResourceId | World
"""Whose Envoy resources: those of a Gateway's proxies, of one Workload's sidecar, or what all sidecars of a
World see of others."""


class ProxyState(NamedTuple):
    """How far the proxies of a Gateway or Workload are. Value: `SYNCED`, or no leaf while no proxy has taken
    everything."""

    kind: str
    owner: ResourceId

    @classmethod
    def of(cls, owner: ResourceId) -> "ProxyState":
        return cls("ProxyState", owner)


SYNCED = "synced"
"""A proxy has accepted the whole configuration at least once."""


class Opened(NamedTuple):
    """The listeners of a Gateway or ListenerSet that a proxy has taken. Value: a tuple of `openings.Opening`,
    as they were then, or no leaf."""

    kind: str
    source: ResourceId

    @classmethod
    def of(cls, source: ResourceId) -> "Opened":
        return cls("Opened", source)


class Rejection(NamedTuple):
    """An Envoy resource that a proxy refused. Value: Envoy's own message.

    The control loop removes the leaf when a later version is accepted or the resource is gone.
    """

    kind: str
    view: ViewKey
    """Where it is published: whichever of a view's proxies refuses it, there is one leaf."""
    type_url: str
    """`type.googleapis.com/envoy.…`, as in the response that was refused."""
    resource_name: str

    @classmethod
    def of(cls, view: ViewKey, type_url: str, resource_name: str) -> "Rejection":
        return cls("Rejection", view, type_url, resource_name)


class PatchRejection(NamedTuple):
    """Versions of an Envoy resource that a proxy refused and that ProxyPatches had changed. Value: pairs of
    version and Envoy's message, or no leaf."""

    kind: str
    view: ViewKey
    """Of sidecars, `World.client`."""
    type_url: str
    resource_name: str

    @classmethod
    def of(cls, view: ViewKey, type_url: str, resource_name: str) -> "PatchRejection":
        return cls("PatchRejection", view, type_url, resource_name)


class PatchRefusals(NamedTuple):
    """What of a ProxyPatch is not done. Value: one sentence for each, at least one, or no leaf."""

    kind: str
    policy: ResourceId

    @classmethod
    def of(cls, policy: ResourceId) -> "PatchRefusals":
        return cls("PatchRefusals", policy)


class ExpiredCertificate(NamedTuple):
    """A Secret whose certificate's time has run out. Value: the `not_after` (datetime, UTC) that has passed.

    The instant and not a mere flag: a renewed Secret ends later than the value says, so it is good at once,
    before the control loop takes the leaf away.
    """

    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, secret: ResourceId) -> "ExpiredCertificate":
        return cls("ExpiredCertificate", secret.namespace, secret.name)


class AssignedAddress(NamedTuple):
    """The address a Gateway got that left it to us. Value: an IP address, or "" while the range is used up.

    No leaf where the operator named no range: then `Settings.address` is everybody's.
    """

    kind: str
    gateway: ResourceId

    @classmethod
    def of(cls, gateway: ResourceId) -> "AssignedAddress":
        return cls("AssignedAddress", gateway)


class AssignedVip(NamedTuple):
    """The virtual address of an ExternalService, MultiZoneService, or ZoneService of another zone. Value: an
    IPv4 address, or "" while none is free."""

    kind: str
    service: ResourceId

    @classmethod
    def of(cls, service: ResourceId) -> "AssignedVip":
        return cls("AssignedVip", service)


class Readiness(NamedTuple):
    """What the probe of a Workload says (`status.conditions[Ready]`). Value: a bool, or no leaf while it has
    said nothing."""

    kind: str
    workload: ResourceId

    @classmethod
    def of(cls, workload: ResourceId) -> "Readiness":
        return cls("Readiness", workload)


class Authority(NamedTuple):
    """The control plane's own authority for a mesh. Value: an `AuthorityState`; no leaf before it is made:
    then nobody of the mesh's own trust domain is believed."""

    kind: str
    mesh: str

    @classmethod
    def of(cls, mesh: str) -> "Authority":
        return cls("Authority", mesh)


class AuthorityState(Struct, frozen=True, kw_only=True, gc=False):
    """What is public about an authority."""

    bundles: tuple[tuple[str, bytes], ...]
    """Trust domain and CA certificates (PEM) that members are to believe now, in a rotation the old and the
    new ones; sorted by domain. Mostly one entry: a MeshIdentity may give names in another domain, where SPIRE
    may issue."""
    stage: str = ""
    """How far a rotation is, in one word, for the Mesh's status; empty for none."""
    renew_before: str = ""
    """RFC 3339. Certificates signed before this moment are of a root that goes, or has gone: agents renew
    them at once. Empty when there are none such."""


class ShadowKey(NamedTuple):
    """Whether policies in shadow count. Value: True, or no leaf. Set in no live engine: a second one, asked
    what would be, has it."""

    kind: str = "Shadow"


class SettingsKey(NamedTuple):
    """The one leaf of process-wide settings. Value: a `Settings`, or no leaf for the defaults."""

    kind: str = "Settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator of this control plane decided."""

    address: str = "127.0.0.1"
    """Where a Gateway is bound that names no address and was assigned none: an IP address. Loopback, so
    nothing is exposed by accident."""
    zone: str = "default"
    """The zone of this control plane: a part of the names of its trust domains."""
    serves: bool = True
    """Whether there are proxies here; those of a global control plane are in its zones."""
    linked: bool = False
    """Whether it shows other zones what it has: then records of that are kept beside it."""
    service_range: IPv4Network = SERVICE_RANGE
    """Where virtual addresses of Services are from."""
