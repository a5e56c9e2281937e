"""The status of a Zone at global: what the zone says of itself, and what global sees of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sekisho.federation.acceptance import Held
from sekisho.federation.feed import document_of
from sekisho.federation.journal import held_as_json, held_of
from sekisho.federation.messages import Report
from sekisho.kit.clocks import TOLERATED, in_words, is_harmful, rfc3339
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Conflict, NotFound, Store, Write

Status = dict[str, Any]
CONFIRM = "sekisho.dev/confirm"
"""Annotation of a Zone: what somebody agrees to, by the names in `status.confirmation` (of copies there)
and `status.held.confirmation` (of copies here), with a comma between. `sekisho zone confirm` writes it."""
_ATTEMPTS = 8


def zone_id(name: str) -> ResourceId:
    """The Zone of that name."""
    return ResourceId("Zone", "", name)


def held_in(status: Mapping[str, Any]) -> Held:
    """What global holds of the zone."""
    return held_of(status.get("held") or {})


def with_held(status: Status, held: Held, now: datetime) -> Status:
    """After something of the zone was taken."""
    told = {**status, "held": held_as_json(held), "acknowledged": held.token, "lastSync": rfc3339(now)}
    return _with_confirmation(told, now)


def with_report(status: Status, report: Report, now: datetime) -> Status:
    """After the zone said how it is."""
    told = {
        **status,
        "controlPlane": {"version": report.version, "startedAt": report.started_at},
        "proxies": dict(report.proxies),
        "certificateExpiry": report.certificate_expiry,
        "conflicts": list(report.conflicts),
        "refused": list(report.refused),
        "kept": list(report.kept),
        "confirmation": report.confirmation,
    }
    return _with_clock(_with_confirmation(told, now), report.minutes_ahead, now)


def with_condition(status: Status, type_: str, told: tuple[bool, str, str], now: datetime) -> Status:
    """With a condition that is (or is not) so, for a reason and with a message."""
    holds, reason, message = told
    state = "True" if holds else "False"
    conditions = list(status.get("conditions") or ())
    before: Status = next((one for one in conditions if one.get("type") == type_), {})
    since = before.get("lastTransitionTime") if before.get("status") == state else None
    condition = {
        "type": type_, "status": state, "reason": reason, "message": message,
        "lastTransitionTime": since or rfc3339(now),
    }  # fmt: skip
    others = [one for one in conditions if one.get("type") != type_]
    return {**status, "conditions": sorted([*others, condition], key=lambda one: str(one["type"]))}


def _with_confirmation(status: Status, now: datetime) -> Status:
    """Whether something waits for a person, here or there."""
    here = [str(ResourceId(*id)) for id in (status.get("held") or {}).get("kept") or ()]
    there = status.get("kept") or []
    if not here and not there:
        told = (False, "NothingWaits", "nothing waits for a confirmation")
    else:
        named = ", ".join([*here, *there][:3])
        message = (
            f"after a restored backup {len(here) + len(there)} copies are no longer told of, and kept: "
            f"{named}; `sekisho zone confirm` deletes them"
        )
        told = (True, "RestoredBackup", message)
    return with_condition(status, "Confirmation", told, now)


def _with_clock(status: Status, minutes: int, now: datetime) -> Status:
    """Whether the zone's clock and ours let certificates be believed on both sides."""
    if is_harmful(minutes):
        message = (
            f"its clock is {in_words(minutes, 'that of the global control plane')}: certificates that are "
            "signed there and here are not believed on the other side, or end early"
        )
        told = (True, "Ahead" if minutes > 0 else "Behind", message)
    else:
        told = (False, "InTime", f"at most {TOLERATED.seconds // 60} minutes apart")
    return with_condition(status, "ClockSkewed", told, now)


def with_room(status: Status, turned_away: str, now: datetime) -> Status:
    """Whether there was room at global for all that the zone told; `turned_away`: why there was not."""
    if turned_away:
        return with_condition(status, "Limited", (True, "TooMuch", f"not all is taken: {turned_away}"), now)
    told = (False, "Room", "there is room for all that the zone tells")
    return with_condition(status, "Limited", told, now)


def is_agreed(zone: Mapping[str, Any], confirmation: str) -> bool:
    """Whether somebody agreed to it in a Zone."""
    written = (zone["metadata"].get("annotations") or {}).get(CONFIRM, "")
    return bool(confirmation) and confirmation in written.split(",")


async def change_status(store: Store, zone: str, change: Callable[[Status], Status]) -> None:
    """Reads, changes and writes; others write other parts. Nothing happens to a Zone that is not there."""
    for _ in range(_ATTEMPTS):
        try:
            record = await store.get(zone_id(zone))
        except NotFound:
            return
        before: Status = document_of(record).get("status") or {}
        after = change(before)
        if after == before:
            return
        write = Write("status", record.id, {"status": after}, expect=record.revision)
        (written,) = await store.write([write])
        if not isinstance(written, Conflict):
            return
