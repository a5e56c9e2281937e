"""What an API answers instead of an object: one exception per answer that a caller branches on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cause:
    """One of the reasons why an object was refused."""

    field: str
    """Path of the field: `spec.rules[0].matches`; may be empty."""
    message: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A `v1/Status` object that tells of a failure."""

    code: int
    """HTTP status."""
    reason: str
    """Machine-readable: NotFound, Conflict, Invalid, …; empty when the server gave none."""
    message: str
    causes: tuple[Cause, ...] = ()
    retry_after: float = 0.0
    """Seconds the server asks to wait; 0 when it does not say."""


class ClientError(Exception):
    """Anything that kept a call from succeeding; the parent of all errors of this package."""


class Unreachable(ClientError):
    """No answer: connection refused, TLS not trusted, or a timeout."""

    def __init__(self, server: str, cause: str) -> None:
        super().__init__(f"{server}: {cause}")
        self.server = server
        self.cause = cause


class UnknownKind(ClientError):
    """The server serves no resource of that name."""

    def __init__(self, name: str, known: tuple[str, ...], plurals: tuple[str, ...] = ()) -> None:
        super().__init__(f"the server serves no resource called {name!r}")
        self.name = name
        self.known = known
        """Every name that would have worked, sorted."""
        self.plurals = plurals
        """One name each of what can be listed, sorted."""


class ApiError(ClientError):
    """The server answered with a failure."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message or status.reason or f"HTTP {status.code}")
        self.status = status


class NotFound(ApiError):
    """There is no such object (404)."""


class AlreadyExists(ApiError):
    """A create met an object of that name (409 AlreadyExists)."""


class Conflict(ApiError):
    """Someone else wrote first, or owns the field (409)."""


class Gone(ApiError):
    """The revision is no longer kept: list again (410)."""


class Invalid(ApiError):
    """The object was refused; `status.causes` says where and why (400, 422)."""


class Unauthorized(ApiError):
    """The token is missing, unknown or expired (401)."""


class Forbidden(ApiError):
    """The caller is known but may not do this (403)."""


class TooManyRequests(ApiError):
    """Slow down; `status.retry_after` says for how long (429)."""


class Unavailable(ApiError):
    """The server cannot answer now (500-504)."""


class StorageFull(ApiError):
    """The server's disk takes no more; nothing was written (507)."""


_BY_CODE: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: StorageFull,
}


def error(code: int, body: Mapping[str, Any], retry_after: float = 0.0) -> ApiError:
    """The exception for an answer of HTTP status `code`; `body` is the Status object, or empty."""
    status = Status(
        code=code,
        reason=str(body.get("reason") or ""),
        message=str(body.get("message") or f"the server answered HTTP {code}"),
        causes=_causes(body),
        retry_after=retry_after,
    )
    if code == 409 and status.reason == "AlreadyExists":  # noqa: PLR2004 - HTTP's own number
        return AlreadyExists(status)
    return _BY_CODE.get(code, ApiError)(status)


def _causes(body: Mapping[str, Any]) -> tuple[Cause, ...]:
    details = body.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    return tuple(
        Cause(str(cause.get("field") or ""), str(cause.get("message") or ""), str(cause.get("reason") or ""))
        for cause in causes or ()
        if isinstance(cause, Mapping)
    )
