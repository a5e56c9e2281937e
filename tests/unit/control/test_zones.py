"""Zones on the screen of the global control plane: what the status of a Zone says of it."""

from typing import Any

from sekisho.client.system_status import ZoneState
from sekisho.control.zones import zone_state

STATUS: dict[str, Any] = {
    "controlPlane": {"version": "0.1.0", "startedAt": "2026-01-01T00:00:00+00:00"},
    "proxies": {"connected": 5, "inSync": 4, "rejected": 1},
    "certificateExpiry": "2026-01-02T00:00:00+00:00",
    "lastSync": "2026-01-01T00:00:09Z",
    "conflicts": ["Timeout/shop/web"],
    "refused": ["Retry/shop/web: too new"],
    "conditions": [
        {"type": "Confirmation", "status": "True", "message": "3 copies are kept"},
        {"type": "Connected", "status": "True", "lastTransitionTime": "2026-01-01T00:00:05Z"},
    ],
}


def state(status: dict[str, Any], *, connected: bool = True) -> ZoneState:
    return zone_state("gcp", status, enabled=True, connected=connected, lag=1.5)


def test_a_zone_is_what_its_status_says() -> None:
    assert state(STATUS) == ZoneState(
        name="gcp", joined=True, connected=True, since="2026-01-01T00:00:05Z", version="0.1.0",
        started="2026-01-01T00:00:00+00:00", lag=1.5, last_sync="2026-01-01T00:00:09Z", proxies=5, in_sync=4,
        rejected=1, certificate_expires="2026-01-02T00:00:00+00:00", conflicts=("Timeout/shop/web",),
        refused=("Retry/shop/web: too new",), waits="3 copies are kept",
    )  # fmt: skip


def test_a_zone_that_never_reported_has_not_joined() -> None:
    assert state({}, connected=False) == ZoneState(name="gcp")


def test_a_zone_without_a_link_is_not_late_but_gone() -> None:
    assert state(STATUS, connected=False).lag == 0.0


def test_nothing_waits_when_it_was_confirmed() -> None:
    condition = {"type": "Confirmation", "status": "False", "message": "nothing waits"}
    assert state(STATUS | {"conditions": [condition]}).waits == ""
