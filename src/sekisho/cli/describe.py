"""`sekisho describe`: one resource for reading, with its conditions as tables."""

from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from sekisho.app.folder.manifests import SOURCE_ANNOTATION
from sekisho.cli.columns import columns
from sekisho.cli.options import DEFAULT_CONNECTION, AnyKind, Connection, Namespace, kind_and_name
from sekisho.cli.terminal import Exit, Failure, as_yaml, out
from sekisho.client import Object

_GOOD = {"Conflicted": "False", "OverlappingTLSConfig": "False"}
"""The value a condition has when all is well; True for all others."""


async def describe(
    kind: AnyKind,
    name: Annotated[str, Parameter(help="Which of them; KIND/NAME is fine, too.")] = "",
    /,
    *,
    namespace: Namespace = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Show the resource NAME of KIND with its conditions and problems."""
    kind, name = kind_and_name(kind, name)
    if not name:
        raise Failure("say which: KIND NAME", code=Exit.USAGE)
    async with connection.client() as client:
        type_ = await client.resource_type(kind)
        home = namespace or client.transport.access.namespace
        found = await client.get(kind, name, home if type_.namespaced else "")
    _show(found)
    return Exit.OK


def _show(found: Object) -> None:
    metadata = found["metadata"]
    for label, value in _head(found, metadata):
        out.print(Text.assemble((f"{label + ':':<13}", "bold"), value))
    hidden = ("apiVersion", "kind", "metadata", "status")
    for key, value in found.items():
        if key not in hidden:
            out.print(Text(f"{key.capitalize()}:", "bold"))
            out.print(indent(as_yaml(_without_secrets(found["kind"], key, value)), "  "), end="")
    status = found.get("status") or {}
    for title, conditions in _conditions(status):
        out.print(Text(f"{title}:", "bold"))
        out.print(_table(conditions))
    rest = {key: value for key, value in status.items() if key not in ("conditions", "listeners", "parents")}
    if rest:
        out.print(Text("Status:", "bold"))
        out.print(indent(as_yaml(rest), "  "), end="")


def _head(found: Object, metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    annotations = dict(metadata.get("annotations") or {})
    source = annotations.pop(SOURCE_ANNOTATION, "")
    yield "Name", metadata["name"]
    if metadata.get("namespace"):
        yield "Namespace", metadata["namespace"]
    yield "Kind", f"{found['kind']} ({found['apiVersion']})"
    if source:
        yield "Written in", source
    for label, pairs in (("Labels", metadata.get("labels") or {}), ("Annotations", annotations)):
        if pairs:
            yield label, ", ".join(f"{key}={value}" for key, value in pairs.items())
    yield "Created", str(metadata.get("creationTimestamp", ""))
    yield "Generation", str(metadata.get("generation", ""))


def _without_secrets(kind: str, key: str, value: Any) -> Any:
    if kind == "Secret" and key in ("data", "stringData") and isinstance(value, Mapping):
        return {name: f"{len(str(text))} characters" for name, text in value.items()}
    return value


def _conditions(status: Mapping[str, Any]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    if status.get("conditions"):
        yield "Conditions", status["conditions"]
    for listener in status.get("listeners") or ():
        title = f"Listener {listener['name']} ({listener.get('attachedRoutes', 0)} routes attached)"
        yield title, listener.get("conditions") or []
    for parent in status.get("parents") or ():
        reference = parent.get("parentRef") or {}
        names = [reference.get("namespace"), reference.get("name"), reference.get("sectionName")]
        yield f"Parent {'/'.join(str(name) for name in names if name)}", parent.get("conditions") or []


def _table(conditions: list[Mapping[str, Any]]) -> Text:
    rows = [["TYPE", "STATUS", "REASON", "MESSAGE"]]
    rows += [[str(c.get(key, "")) for key in ("type", "status", "reason", "message")] for c in conditions]
    lines = columns(rows).splitlines()
    good = [True] + [row[1] == _GOOD.get(row[0], "True") for row in rows[1:]]
    styled = [Text(f"  {line}", "" if fine else "yellow") for line, fine in zip(lines, good, strict=True)]
    return Text("\n").join(styled)
