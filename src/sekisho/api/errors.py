"""What went wrong with a request, as the `Status` object that Kubernetes clients understand."""

from collections.abc import Mapping, Sequence
from typing import Any

from sekisho.model.problems import Problem


class ApiError(Exception):
    """A request ends here with this answer. Raised anywhere below the front door, answered there."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        """HTTP status."""
        self.reason = reason
        """metav1.StatusReason: what clients branch on."""
        self.message = message
        self.details = details or {}
        """metav1.StatusDetails: name, group, kind, causes, retryAfterSeconds."""
        self.headers = headers or {}

    def status(self) -> dict[str, Any]:
        """The `Status` object."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = dict(self.details)
        return body


def success(details: Mapping[str, Any]) -> dict[str, Any]:
    """The `Status` a finished deletion answers with."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": dict(details),
    }


def _about(resource: str, group: str, name: str) -> dict[str, Any]:
    return {key: value for key, value in (("name", name), ("group", group), ("kind", resource)) if value}


def _qualified(resource: str, group: str) -> str:
    return f"{resource}.{group}" if group else resource


def not_found(resource: str, group: str, name: str) -> ApiError:
    """There is no such object. `resource` is the plural name."""
    message = f'{_qualified(resource, group)} "{name}" not found'
    return ApiError(404, "NotFound", message, details=_about(resource, group, name))


def no_such_path() -> ApiError:
    """The path names nothing we serve."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: str, group: str, name: str) -> ApiError:
    """A create met an object of that name."""
    message = f'{_qualified(resource, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details=_about(resource, group, name))


def conflict(
    resource: str, group: str, name: str, why: str, causes: Sequence[Mapping[str, str]] = ()
) -> ApiError:
    """Somebody else wrote first, or a precondition does not hold."""
    message = f'Operation cannot be fulfilled on {_qualified(resource, group)} "{name}": {why}'
    details = _about(resource, group, name)
    if causes:
        details["causes"] = list(causes)
    return ApiError(409, "Conflict", message, details=details)


def invalid(kind: str, group: str, name: str, problems: Sequence[Problem]) -> ApiError:
    """The document has mistakes; every one is a cause with its field path and hint."""
    causes = [
        {"reason": problem.reason, "message": _with_hint(problem), "field": problem.path}
        for problem in problems
    ]
    told = [f"{problem.path or 'object'}: {_with_hint(problem)}" for problem in problems]
    joined = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    message = f'{_qualified(kind, group)} "{name}" is invalid: {joined}'
    return ApiError(422, "Invalid", message, details={**_about(kind, group, name), "causes": causes})


def _with_hint(problem: Problem) -> str:
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message


def bad_request(message: str) -> ApiError:
    """The request cannot be understood at all."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """No token, or one we do not know. Says nothing more."""
    return ApiError(401, "Unauthorized", "Unauthorized", headers={"www-authenticate": "Bearer"})


def forbidden(message: str, details: Mapping[str, Any] | None = None) -> ApiError:
    """Known, but not allowed."""
    return ApiError(403, "Forbidden", message, details=details)


def method_not_allowed(method: str) -> ApiError:
    """The path exists, this method on it does not."""
    message = f"the server does not allow {method} on the requested resource"
    return ApiError(405, "MethodNotAllowed", message)


def not_acceptable() -> ApiError:
    """The client takes none of the formats we make."""
    offers = "application/json, application/yaml, application/json;as=Table;g=meta.k8s.io;v=v1"
    return ApiError(406, "NotAcceptable", f"only the following media types are available: {offers}")


def expired(message: str) -> ApiError:
    """The revision asked for is compacted away; the client lists again."""
    return ApiError(410, "Expired", message)


def too_large(limit: int) -> ApiError:
    """The body is over the limit, in bytes."""
    return ApiError(
        413, "RequestEntityTooLarge", f"the request body is larger than the limit of {limit} bytes"
    )


def unsupported_media_type(message: str) -> ApiError:
    """We do not read this format."""
    return ApiError(415, "UnsupportedMediaType", message)


def too_many_requests(seconds: int) -> ApiError:
    """Over the rate or the concurrency limit; `seconds` to wait."""
    return ApiError(
        429,
        "TooManyRequests",
        "too many requests, please try again later",
        details={"retryAfterSeconds": seconds},
        headers={"retry-after": str(seconds)},
    )


def storage_full() -> ApiError:
    """The store took no more; reads go on."""
    return ApiError(507, "InsufficientStorage", "the store is full: nothing was written, reads go on")


def unavailable(message: str) -> ApiError:
    """The store answered with an error, or we are stopping."""
    return ApiError(
        503, "ServiceUnavailable", message, details={"retryAfterSeconds": 1}, headers={"retry-after": "1"}
    )
