"""One request to a resource, with everything a verb needs; and the parts that all verbs share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from sekisho.aio.clock import Clock
from sekisho.api.authentication import User
from sekisho.api.catalogue import Catalogue
from sekisho.api.errors import bad_request
from sekisho.api.limits import Gate, Limits
from sekisho.api.negotiation import Format
from sekisho.api.routing import Target
from sekisho.model.kinds import Kind
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Store


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """The query parameters of writes (metav1.CreateOptions and its kin)."""

    dry_run: bool
    manager: str
    """Who writes, for managedFields; made from the User-Agent when not given."""
    force: bool
    """Server-side apply: take fields that others own."""

    @classmethod
    def parse(cls, query: Mapping[str, str], user_agent: str) -> "WriteOptions":
        """Raises 400 for values we do not know. Fields are always validated strictly, whatever is asked."""
        dry_run = query.get("dryRun", "")
        if dry_run not in {"", "All"}:
            raise bad_request(f"Invalid value: dryRun {dry_run!r}: supported values: All")
        validation = query.get("fieldValidation", "")
        if validation not in {"", "Ignore", "Warn", "Strict"}:
            raise bad_request(
                f"Invalid value: fieldValidation {validation!r}: supported: Ignore, Warn, Strict"
            )
        manager = query.get("fieldManager") or _named_by(user_agent)
        if len(manager) > _MAX_MANAGER or not manager.isprintable():
            raise bad_request(f"fieldManager: at most {_MAX_MANAGER} printable characters")
        return cls(dry_run == "All", manager, query.get("force", "") in {"true", "1"})


_MAX_MANAGER = 128
_MAX_DIGITS = 18
"""So many fit into the 64 bits that Kubernetes has for them; Python refuses to read thousands."""


def _named_by(user_agent: str) -> str:
    """The manager of a client that names none: nobody is refused for a User-Agent, however long or odd."""
    program = user_agent.partition("/")[0]
    return "".join(filter(str.isprintable, program))[:_MAX_MANAGER] or "unknown"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in."""

    request: Request
    user: User
    target: Target
    kind: Kind
    query: Mapping[str, str]
    format: Format

    @property
    def id(self) -> ResourceId:
        """The resource the path names."""
        return ResourceId(self.kind.kind, self.target.namespace or "", self.target.name)

    def number(self, parameter: str) -> int:
        """A query parameter, 0 where it is left out. Raises 400."""
        text = self.query.get(parameter, "")
        if text and not (text.isdecimal() and len(text) <= _MAX_DIGITS):
            raise bad_request(f"{parameter} is not a number: {text[:40]!r}")
        return int(text or 0)

    def write_options(self) -> WriteOptions:
        """See `WriteOptions.parse`."""
        return WriteOptions.parse(self.query, self.request.headers.get("user-agent", ""))

    @property
    def include(self) -> str:
        """What rows of a table carry: Metadata, Object or None."""
        return self.query.get("includeObject", "Metadata")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the verbs work with."""

    store: Store
    catalogue: Catalogue
    clock: Clock
    limits: Limits
    watches: Gate

    @property
    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self.clock.now()

    @property
    def timestamp(self) -> float:
        """The wall clock, in seconds since 1970."""
        return self.clock.now().timestamp()
