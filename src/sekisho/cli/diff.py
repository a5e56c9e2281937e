"""`sekisho diff`: what `apply` would change, asked from the server."""

from collections.abc import Iterable, Mapping
from difflib import unified_diff
from typing import Any

from rich.text import Text

from sekisho.app.folder.applying import refusals, with_source
from sekisho.app.folder.manifests import Manifest
from sekisho.cli.apply import MANAGER, Force
from sekisho.cli.files import manifests
from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Files, Namespace
from sekisho.cli.terminal import Exit, as_yaml, out, show_problems
from sekisho.client import Client, Conflict, Invalid, NotFound, Object, UnknownKind
from sekisho.model.problems import Problem

_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_SERVERS = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
"""Metadata that the server keeps: it changes with every write and says nothing about it."""


async def diff(
    *,
    filename: Files,
    namespace: Namespace = "",
    force: Force = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Show what `apply` would change, without changing it. Exits 1 when there are differences."""
    problems: list[Problem] = []
    differs = False
    async with connection.client() as client:
        home = namespace or client.transport.access.namespace
        for manifest in manifests(filename, namespace=home):
            try:
                lines = await _lines(client, manifest, force=force)
            except (Invalid, Conflict, UnknownKind) as cause:
                problems += refusals(manifest, cause)
                continue
            differs = differs or bool(lines)
            shown_difference(lines)
    show_problems(problems)
    return Exit.PROBLEM if differs or problems else Exit.OK


def shown_difference(lines: Iterable[str]) -> None:
    """Prints a unified diff."""
    for line in lines:
        out.print(Text(line, _STYLES.get(line[:1], "")))


async def _lines(client: Client, manifest: Manifest, *, force: bool) -> list[str]:
    try:
        live: Object | None = await client.get(manifest.id.kind, manifest.id.name, manifest.id.namespace)
    except NotFound:
        live = None
    after = await client.apply(with_source(manifest), manager=MANAGER, force=force, dry_run=True)
    old = as_yaml(_comparable(_without_secrets(live))).splitlines() if live else []
    new = as_yaml(_comparable(_without_secrets(after, live))).splitlines()
    source = manifest.source or "file"
    return list(
        unified_diff(old, new, f"{manifest.id.shown} (now)", f"{manifest.id.shown} ({source})", lineterm="")
    )


def _without_secrets(found: Object, before: Object | None = None) -> Object:
    """Of a Secret, that a value differs from the one `before` and not what it is: diffs end up in CI logs."""
    if found.get("kind") != "Secret":
        return found
    had = {} if before is None else before.get("data") or {}
    data = {
        key: "(hidden)" if before is None or had.get(key) == value else "(hidden, another)"
        for key, value in (found.get("data") or {}).items()
    }
    return {**found, "data": data}


def _comparable(found: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in found["metadata"].items() if key not in _SERVERS}
    rest = {key: value for key, value in found.items() if key not in ("metadata", "status")}
    return {"apiVersion": rest.pop("apiVersion"), "kind": rest.pop("kind"), "metadata": metadata, **rest}
