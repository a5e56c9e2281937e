"""Zones and links as lines of a screen."""

from datetime import datetime

from sekisho.cli.ages import age
from sekisho.client.system_status import LinkState, ZoneState

HEAD = ("ZONE", "CONNECTED", "SINCE", "VERSION", "LAG", "LAST SYNC", "PROXIES", "CERTIFICATE", "CONFLICTS")


def row(zone: ZoneState, now: datetime) -> list[str]:
    """Of a table under `HEAD`."""
    return [
        zone.name,
        _connected(zone),
        age(zone.since, now) if zone.since else "-",
        zone.version or "-",
        f"{zone.lag * 1000:.0f} ms" if zone.connected else "-",
        f"{age(zone.last_sync, now)} ago" if zone.last_sync else "-",
        f"{zone.in_sync}/{zone.proxies} in sync" if zone.joined else "-",
        f"{age_left(zone.certificate_expires, now)}" if zone.certificate_expires else "-",
        str(len(zone.conflicts)) if zone.conflicts else "-",
    ]


def is_fine(zone: ZoneState) -> bool:
    """Whether it needs no look."""
    if not zone.enabled or not zone.joined:
        return True
    told = zone.conflicts or zone.refused or zone.waits or zone.clock
    return zone.connected and not (zone.rejected or told)


def notes(zone: ZoneState) -> list[str]:
    """What of it needs a line of its own."""
    told = [f"{zone.name} has its own {conflict}, and does not take ours" for conflict in zone.conflicts]
    told += [f"{zone.name} does not take {refused}" for refused in zone.refused]
    return told + [f"{zone.name}: {note}" for note in (zone.waits, zone.clock) if note]


def link(state: LinkState, now: datetime) -> str:
    """A zone's link, in one line."""
    since = f" for {age(state.since, now)}" if state.since else ""
    sync = f", in sync {age(state.last_sync, now)} ago" if state.last_sync else ""
    not_taken = len(state.conflicts) + len(state.refused)
    conflicts = f", {not_taken} not taken" if not_taken else ""
    conflicts += f"; {state.clock}" if state.clock else ""
    if state.connected:
        return f"connected to {state.url}{since}{sync}{conflicts}"
    return f"NOT connected to {state.url}{since}{sync}: {state.fault}"


def age_left(moment: str, now: datetime) -> str:
    """How long it is until a moment."""
    end = datetime.fromisoformat(moment)
    return f"{age(now.isoformat(), end)} left" if end > now else "ENDED"


def _connected(zone: ZoneState) -> str:
    if not zone.enabled:
        return "disabled"
    if not zone.joined:
        return "not joined"
    return "yes" if zone.connected else "NO"
