"""The zones as `sekisho status` shows them at the global control plane: what the status of each Zone says."""

from collections.abc import Mapping
from typing import Any

from sekisho.client.system_status import ZoneState


def zone_state(
    name: str, status: Mapping[str, Any], *, enabled: bool, connected: bool, lag: float
) -> ZoneState:
    """Of one Zone. `connected` and `lag` (seconds) are of now; its status may be a little older."""
    plane, proxies = status.get("controlPlane") or {}, status.get("proxies") or {}
    return ZoneState(
        name=name,
        enabled=enabled,
        joined=bool(plane.get("version")),
        connected=connected,
        since=_since(status),
        version=plane.get("version", ""),
        started=plane.get("startedAt", ""),
        lag=lag if connected else 0.0,
        last_sync=status.get("lastSync", ""),
        proxies=proxies.get("connected", 0),
        in_sync=proxies.get("inSync", 0),
        rejected=proxies.get("rejected", 0),
        certificate_expires=status.get("certificateExpiry", ""),
        conflicts=tuple(status.get("conflicts") or ()),
        refused=tuple(status.get("refused") or ()),
        waits=_told(status, "Confirmation"),
        clock=_told(status, "ClockSkewed"),
    )


def _since(status: Mapping[str, Any]) -> str:
    found = (one for one in status.get("conditions") or () if one["type"] == "Connected")
    return next((str(one.get("lastTransitionTime", "")) for one in found), "")


def _told(status: Mapping[str, Any], condition: str) -> str:
    """What a condition says that wants a look; empty where it is not so."""
    found = (one for one in status.get("conditions") or () if one["type"] == condition)
    return next((str(one["message"]) for one in found if one["status"] == "True"), "")
