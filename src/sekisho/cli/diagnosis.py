"""What `sekisho doctor` looks at on the way of a call, hop by hop; pure: of what control planes answered."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sekisho.client.reviews import Explanation, Permission, Step
from sekisho.client.system_status import ProxyState, SystemStatus

_ZONE_SERVICE = "ZoneService/"


class Finding(NamedTuple):
    """One hop."""

    where: str
    """`azure`, or empty without zones."""
    what: str
    """`sidecar`, `name`, `zone`, …"""
    name: str
    detail: str
    """What was found; where it is not well, what to do."""
    is_well: bool = True


class Far(NamedTuple):
    """The Service of another zone that a call leads to."""

    zone: str
    namespace: str
    service: str

    @property
    def named(self) -> str:
        """`namespace/name`, in its zone."""
        return f"{self.namespace}/{self.service}"


def far_service(explained: Explanation) -> Far | None:
    """Where a call goes on in another zone; None where it stays."""
    for step in explained.steps:
        resource = step.origin.partition(" ")[0]
        if step.what in {"name", "backend", "zone"} and resource.startswith(_ZONE_SERVICE):
            namespace, _, record = resource.removeprefix(_ZONE_SERVICE).partition("/")
            service, _, zone = record.rpartition(".")
            return Far(zone, namespace, service)
    return None


def identity_of(explained: Explanation) -> str:
    """The SPIFFE ID of the caller; empty for none."""
    return next((step.detail for step in explained.steps if step.detail.startswith("spiffe://")), "")


def links(known: SystemStatus, zones: Iterable[str]) -> Iterator[Finding]:
    """Whether the zones are there and hear from each other, as the global control plane knows."""
    states = {zone.name: zone for zone in known.zones}
    for name in zones:
        state = states.get(name)
        if state is None:
            detail = "there is no such zone; `sekisho zone list` shows them"
            yield Finding("global", "zone", name, detail, is_well=False)
        elif not state.enabled:
            yield Finding("global", "zone", name, f"is disabled: `sekisho zone enable {name}`", is_well=False)
        elif not state.connected:
            detail = "is not connected: calls go on, changes do not cross; look at its control plane's log"
            yield Finding("global", "zone", name, detail, is_well=False)
        else:
            wrong = [*state.conflicts, *([state.clock] if state.clock else [])]
            yield Finding("global", "zone", name, "; ".join(wrong) or "connected", is_well=not wrong)


def missed(zone: str, known: SystemStatus) -> Iterator[Finding]:
    """The other zones of which `zone` may lack the names, as something is wrong with them."""
    others = [state.name for state in known.zones if state.name != zone]
    return (finding for finding in links(known, others) if not finding.is_well)


def sidecar(zone: str, workload: str, known: SystemStatus) -> Finding:
    """Whether the proxy beside the caller runs and has what it is to have."""
    found = [proxy for proxy in known.proxies if proxy.workload == workload]
    if not found:
        detail = "is not known: is its agent started, and is `spec.sidecar` there?"
        return Finding(zone, "sidecar", workload, detail, is_well=False)
    is_well, detail = _proxies(found)
    return Finding(zone, "sidecar", workload, detail, is_well)


def ingresses(far: Far, known: SystemStatus) -> Iterator[Finding]:
    """Whether the Gateways of a zone through which others come in are programmed and in sync."""
    for gateway in known.gateways:
        if not any(listener.protocol == "TLS" for listener in gateway.listeners):
            continue
        name = f"{gateway.namespace}/{gateway.name}"
        proxies = [proxy for proxy in known.proxies if proxy.gateway == name]
        is_well, detail = (
            _proxies(proxies) if proxies else (False, "has no proxy: is an agent running there?")
        )
        if not gateway.programmed:
            is_well, detail = False, "is not programmed: `sekisho describe` tells why"
        yield Finding(far.zone, "ingress", f"{name} at {', '.join(gateway.addresses)}", detail, is_well)


def way(zone: str, explained: Explanation) -> Iterator[Finding]:
    """The steps that decide, and how it ends."""
    for step in explained.steps:
        if step.what in _TOLD:
            yield Finding(zone, step.what, step.name, step.detail, _is_step_well(step))
    yield Finding(zone, "outcome", "", explained.outcome, not explained.outcome.startswith(_ENDS_BADLY))


def permission(far: Far, found: Permission) -> Finding:
    """What the sidecars there say to the caller."""
    rule = next((port.origin or port.why for port in found.ports if port.origin or port.why), "")
    detail = f"{found.outcome} ({rule})" if rule else found.outcome
    return Finding(far.zone, "permission", far.named, detail, found.allowed)


_ENDS_BADLY = ("refused", "answered 4", "answered 5", "there is no", "nothing in the mesh")
_TOLD = {"name", "outbound", "route", "backend", "cluster", "tls", "zone", "ingress"}


def _is_step_well(step: Step) -> bool:
    return not (step.what == "ingress" and step.name == "none") and not step.detail.startswith(
        ("closed", "0 ")
    )


def _proxies(found: list[ProxyState]) -> tuple[bool, str]:
    """All of one proxy's instances, in words."""
    if gone := [proxy for proxy in found if not proxy.connected]:
        return (
            False,
            f"{len(gone)} of {len(found)} not connected: as it was last, until the control plane hears of it",
        )
    if refusing := [proxy for proxy in found if proxy.rejected]:
        return False, f"refuses {sum(proxy.rejected for proxy in refusing)} resources: see `sekisho status`"
    behind = sum(not proxy.synced for proxy in found)
    return not behind, f"{behind} of {len(found)} behind" if behind else "connected, in sync"
