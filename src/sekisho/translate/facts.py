"""Leaves that are not resources: what the control loop observes and tells the translators.

Each key is a NamedTuple whose first field is its kind, so it never equals a `ResourceId`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from sekisho.model.names import ResourceId


class ProxyState(NamedTuple):
    """How far the proxy of a Gateway is. Value: `SYNCED`, or no leaf while no proxy has taken everything."""

    kind: str
    gateway: ResourceId

    @classmethod
    def of(cls, gateway: ResourceId) -> "ProxyState":
        return cls("ProxyState", gateway)


SYNCED = "synced"
"""A proxy has accepted the whole configuration of the Gateway at least once."""


class Rejection(NamedTuple):
    """An Envoy resource a proxy of this Gateway refused. Value: Envoy's own message.

    The control loop removes the leaf when a later version is accepted or the resource is gone.
    """

    kind: str
    gateway: ResourceId
    type_url: str
    """`type.googleapis.com/envoy.…`, as in the response that was refused."""
    resource_name: str

    @classmethod
    def of(cls, gateway: ResourceId, type_url: str, resource_name: str) -> "Rejection":
        return cls("Rejection", gateway, type_url, resource_name)


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


class SettingsKey(NamedTuple):
    """The one leaf of process-wide settings. Value: a `Settings`, or no leaf for the defaults."""

    kind: str = "Settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator of this control plane decided."""

    address: str = "127.0.0.1"
    """Where a Gateway is bound that names no address and was assigned none: an IP address. Loopback, so
    nothing is exposed by accident."""
