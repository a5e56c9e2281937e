"""From what was written to a checked resource: kind, types, defaults, rules; all mistakes together."""

from collections.abc import Mapping
from functools import cache, lru_cache
from sys import intern
from typing import Any

import msgspec
from msgspec import structs

from sekisho.kit import text
from sekisho.model import validation
from sekisho.model.defaults import filled
from sekisho.model.kinds import KINDS, Kind
from sekisho.model.meta import Resource
from sekisho.model.mistakes import mistakes
from sekisho.model.normalise import normalise
from sekisho.model.problems import Invalid, Problem
from sekisho.model.reasons import Reason


class Checked(msgspec.Struct, frozen=True):
    """A resource that may be stored."""

    object: dict[str, Any]
    """As JSON: defaults filled in, nulls dropped, `apiVersion` the stored one."""
    resource: Resource
    """The same, typed: an instance of `Kind.type`."""


def kind_of(written: Any) -> Kind:
    """The kind that a document's apiVersion and kind name. Raises Invalid with a suggestion."""
    if not isinstance(written, Mapping):
        raise Invalid([Problem("", "expected an object with apiVersion and kind", reason=Reason.TYPE)])
    name = written.get("kind")
    if not name:
        raise Invalid([_missing(written, "kind", "such as HTTPRoute")])
    if not isinstance(name, str):
        raise Invalid([Problem("kind", "expected a string", "such as HTTPRoute", Reason.TYPE)])
    if name not in KINDS:
        hint = text.did_you_mean(name, KINDS)
        raise Invalid([Problem("kind", f'unknown kind "{name[:60]}"', hint, Reason.NOT_SUPPORTED)])
    kind = KINDS[name]
    if problem := _api_version(kind, written):
        raise Invalid([problem])
    return kind


def check(kind: str, written: Mapping[str, Any]) -> Checked:
    """The resource that `written` (parsed JSON) describes. Raises Invalid with every mistake found.

    `kind` is the one that the writer was to write, a key of KINDS; a document of another kind is a mistake.
    """
    known = KINDS[kind]
    completed = filled(known.type, written)
    if not isinstance(completed, dict):
        raise Invalid(mistakes(known.type, written))
    normalise(kind, completed)
    found = _identity(known, completed)
    completed["apiVersion"], completed["kind"] = known.api_version, kind
    try:
        resource = msgspec.convert(completed, known.type)
    except msgspec.ValidationError as error:
        raise Invalid(found + (mistakes(known.type, completed) or [Problem("", str(error))])) from None
    found += validation.problems(resource)
    if found:
        raise Invalid(found)
    return Checked(completed, resource)


def check_change(old: Resource, new: Resource) -> None:
    """Raises Invalid when a field changes that never may (a GatewayClass's controllerName, …)."""
    if found := list(validation.changes.problems(old, new)):
        raise Invalid(found)


def decode(kind: str, body: bytes) -> Resource:
    """The resource in a stored body, which was checked when it was written.

    Raises msgspec.ValidationError (or DecodeError) when it is no such resource: then the store is damaged
    or was written by a newer version.
    """
    return _decoder(kind).decode(body)


def engine_view(resource: Resource) -> Resource:
    """The resource without what the engine must not react to: status and the server's bookkeeping.

    Two views are equal exactly when their writers said the same things of the same resource.
    """
    written = resource.metadata
    metadata = structs.replace(
        written,
        # What very many have alike is kept once: all are held for as long as they are there.
        namespace=intern(written.namespace),
        labels=written.labels or _NONE,
        annotations=written.annotations or _NONE,
        creation_timestamp=written.creation_timestamp and intern(written.creation_timestamp),
        resource_version=None,
        managed_fields=(),
        generate_name=None,
        self_link=None,
    )
    said: dict[str, Any] = {
        "api_version": intern(resource.api_version),
        "kind": intern(resource.kind),
        "metadata": metadata,
    }
    spec: Any = getattr(resource, "spec", None)
    if alike := {field: _same(value) for field in _OF_SIBLINGS if (value := getattr(spec, field, None))}:
        said["spec"] = structs.replace(spec, **alike)
    if hasattr(resource, "status"):
        said["status"] = None
    return structs.replace(resource, **said)


_OF_SIBLINGS = ("parent_refs", "ports", "readiness_probe")
"""Fields of a `spec` that mostly say the same: of the routes of a Gateway, of the instances of a Service."""


@lru_cache(maxsize=4_096)
def _same(value: Any) -> Any:
    """Equal values are one."""
    return value


_NONE: dict[str, str] = {}
"""Labels of who has none."""


@cache
def _decoder(kind: str) -> "msgspec.json.Decoder[Resource]":
    return msgspec.json.Decoder(KINDS[kind].type)


def _identity(kind: Kind, written: Mapping[str, Any]) -> list[Problem]:
    """Mistakes in apiVersion and kind."""
    found = []
    if "kind" not in written:
        found.append(_missing(written, "kind", f"write {kind.kind}"))
    elif written["kind"] != kind.kind:
        found.append(Problem("kind", f'expected "{kind.kind}", found "{str(written["kind"])[:60]}"'))
    if problem := _api_version(kind, written):
        found.append(problem)
    return found


def _api_version(kind: Kind, written: Mapping[str, Any]) -> Problem | None:
    served = [kind.api_version_of(version) for version in kind.served_versions]
    version = written.get("apiVersion")
    if version is None:
        return _missing(written, "apiVersion", f"write {served[0]}")
    if version in served:
        return None
    expected = " or ".join(f'"{version}"' for version in served)
    message = f'expected {expected} for kind {kind.kind}, found "{str(version)[:60]}"'
    return Problem("apiVersion", message, f"write {served[0]}", Reason.NOT_SUPPORTED)


def _missing(written: Mapping[str, Any], field: str, hint: str) -> Problem:
    """That a field is missing, with the one that was perhaps meant to be it."""
    if misspelt := text.closest(field, set(written) - {"apiVersion", "kind"}):
        hint = f'did you mean "{field}" by "{misspelt[:60]}"?'
    return Problem(field, "is required", hint, Reason.REQUIRED)
