"""What `sekisho status` shows: a control plane, its proxies, and its zones or its link to the global one."""

from sekisho.client.reviews import Struct


class ListenerState(Struct, frozen=True):
    """One listener of a Gateway."""

    name: str
    port: int
    protocol: str
    attached_routes: int = 0
    programmed: bool = False


class GatewayState(Struct, frozen=True):
    """One Gateway of ours."""

    namespace: str
    name: str
    programmed: bool = False
    addresses: tuple[str, ...] = ()
    listeners: tuple[ListenerState, ...] = ()
    """Its own."""
    listener_sets: int = 0
    """ListenerSets that add more; those of Ingresses are not counted."""


class ProxyState(Struct, frozen=True):
    """One proxy, connected or known."""

    name: str
    gateway: str = ""
    """`namespace/name`; empty for a sidecar."""
    workload: str = ""
    """`namespace/name`; empty for the proxy of a Gateway."""
    connected: bool = False
    synced: bool = False
    """It has acknowledged everything that was published for it."""
    behind: int = 0
    """Changes published that it has not acknowledged."""
    lag: float = 0.0
    """Seconds from the newest write that it acknowledged to that acknowledgement."""
    rejected: int = 0
    """Resources whose newest version it refused; the last good one serves."""


class WorkloadState(Struct, frozen=True):
    """One Workload with a sidecar."""

    namespace: str
    name: str
    spiffe_id: str = ""
    """Empty for one that has no identity."""
    programmed: bool = False
    """Its proxy has taken its whole configuration at least once, and refuses nothing."""


class Trouble(Struct, frozen=True):
    """Something its author can fix."""

    resource: str
    """`HTTPRoute/shop/cart`."""
    message: str
    reason: str = ""
    path: str = ""
    file: str = ""
    line: int = 0


class CertificateState(Struct, frozen=True):
    """A certificate that needs a look."""

    name: str
    """`Secret/shop/shop-tls`, or the name of a proxy."""
    expires: str
    """RFC 3339."""


class RefusalState(Struct, frozen=True):
    """What was refused since the control plane started."""

    what: str
    """resource, connection, stream, caller, right, limit, mistake, store, fault."""
    count: int
    last: str
    """RFC 3339."""


class ControlPlaneState(Struct, frozen=True):
    """The control plane itself."""

    version: str = ""
    started: str = ""
    """RFC 3339."""
    revision: int = 0
    """Of the newest write."""
    resources: int = 0
    published: int = 0
    """Envoy resources published, over all views."""
    place: str = ""
    """Its zone, or `global`."""


class ZoneState(Struct, frozen=True):
    """One zone, as the global control plane knows it."""

    name: str
    enabled: bool = True
    joined: bool = False
    """It has a certificate."""
    connected: bool = False
    since: str = ""
    """RFC 3339. When it connected, or when it was lost."""
    version: str = ""
    """Of its control plane."""
    started: str = ""
    """RFC 3339. When its control plane did."""
    lag: float = 0.0
    """Seconds that the oldest change has waited which it has not taken yet."""
    last_sync: str = ""
    """RFC 3339. When it had taken everything, the last time."""
    proxies: int = 0
    """Connected to its control plane."""
    in_sync: int = 0
    """Of these, those that have acknowledged everything."""
    rejected: int = 0
    """Resources that its proxies refuse."""
    certificate_expires: str = ""
    """RFC 3339. Of the certificate by which it is known."""
    conflicts: tuple[str, ...] = ()
    """What it does not take because something of its own has the name."""
    refused: tuple[str, ...] = ()
    """What of global's it cannot take, and why."""
    waits: str = ""
    """What is kept, there or here, until somebody confirms that it goes; empty for nothing."""
    clock: str = ""
    """What its clock is to ours, where that does harm; empty where not."""


class LinkState(Struct, frozen=True):
    """A zone's link to the global control plane, as the zone sees it."""

    url: str
    connected: bool = False
    since: str = ""
    """RFC 3339. When it was made, or lost."""
    fault: str = ""
    """Why there is none."""
    last_sync: str = ""
    """RFC 3339. When everything was taken and sent, the last time."""
    certificate_expires: str = ""
    """RFC 3339. Empty while the zone has not joined."""
    conflicts: tuple[str, ...] = ()
    """What it does not take because something of its own has the name."""
    refused: tuple[str, ...] = ()
    """What of its own is not taken there, or not taken here, and why."""
    clock: str = ""
    """What the zone's clock is to global's, where that does harm; empty where not."""


class SystemStatusSpec(Struct, frozen=True):
    """Whose."""

    zone: str = ""
    """Which zone is to answer; empty for the control plane that is asked."""


class SystemStatus(Struct, frozen=True):
    """The whole system on one screen."""

    control_plane: ControlPlaneState = ControlPlaneState()
    gateways: tuple[GatewayState, ...] = ()
    workloads: tuple[WorkloadState, ...] = ()
    views: int = 0
    """Distinct sets of Envoy resources that proxies share."""
    proxies: tuple[ProxyState, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    certificates: tuple[CertificateState, ...] = ()
    """Those close to their end, soonest first."""
    refusals: tuple[RefusalState, ...] = ()
    """Of what was refused at all."""
    zones: tuple[ZoneState, ...] = ()
    """Of a global control plane."""
    link: LinkState | None = None
    """Of a zone that is to join others."""
