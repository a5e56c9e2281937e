"""Session persistence of a rule (GEP-1619)."""

from sekisho import ir
from sekisho.kit import durations
from sekisho.kit.digest import digest
from sekisho.model.httproute import SessionPersistence
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.filters import Fault


def session(route: ResourceId, rule: str, wanted: SessionPersistence) -> ir.Session | Fault:
    """`rule`: its name or number. A session that is given no name has one of its own rule."""
    named = wanted.session_name or f"sekisho-{digest(f'{route}/{rule}'.encode())[:12]}"
    timeout = None if wanted.absolute_timeout is None else durations.parse(wanted.absolute_timeout)
    is_permanent = wanted.cookie_config is not None and wanted.cookie_config.lifetime_type == "Permanent"
    if timeout is not None and not is_permanent:
        # Only a cookie that outlives the caller's session carries the time at which it ends.
        message = "sessionPersistence.absoluteTimeout needs cookieConfig.lifetimeType Permanent"
        return Fault("UnsupportedValue", message)
    if wanted.type == "Header":
        return ir.Session(name=named.lower(), by="header")
    return ir.Session(name=named, by="cookie", lifetime_ms=timeout)
