"""`sekisho get`: the server's table, or the objects themselves."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from sekisho.cli.columns import column_widths, columns
from sekisho.cli.options import DEFAULT_CONNECTION, AllNamespaces, Connection, Namespace, kind_and_name
from sekisho.cli.terminal import Exit, Failure, as_json, as_yaml, err, write
from sekisho.client import Client, Object, ResourceType, Selection

Output = Literal["table", "wide", "yaml", "json", "name"]


async def get(
    kind: Annotated[str, Parameter(help="Any name of it: HTTPRoute, httproutes, gtw; several with commas.")],
    name: Annotated[str, Parameter(help="One of them. Default: all.")] = "",
    /,
    *,
    namespace: Namespace = "",
    all_namespaces: AllNamespaces = False,
    output: Annotated[Output, Parameter(name=["-o", "--output"], help="How it is shown.")] = "table",
    selector: Annotated[str, Parameter(name=["-l", "--selector"], help="Label selector: app=shop.")] = "",
    watch: Annotated[
        bool, Parameter(name=["-w", "--watch"], help="Go on with changes as they come.")
    ] = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Show resources of one or several kinds."""
    kind, name = kind_and_name(kind, name)
    if name and all_namespaces:
        raise Failure("a NAME is in one namespace: leave out -A", code=Exit.USAGE)
    if watch and (name or output not in ("table", "wide") or "," in kind):
        raise Failure("--watch shows the table of one kind: leave out NAME and -o", code=Exit.USAGE)
    async with connection.client() as client:
        scope = None if all_namespaces else namespace or client.transport.access.namespace
        selection = Selection(namespace=scope, labels=selector)
        types = [await client.resource_type(part) for part in kind.split(",")]
        if watch:
            await _watch(client, types[0], selection, wide=output == "wide")
        elif output in ("table", "wide"):
            await _tables(client, types, selection, name, wide=output == "wide")
        else:
            await _objects(client, types, selection, name, output)
    return Exit.OK


async def _tables(
    client: Client, types: Sequence[ResourceType], selection: Selection, name: str, *, wide: bool
) -> None:
    tables = [(type_, await client.table(_exact(type_), selection, name)) for type_ in types]
    texts = [
        _table(type_, table, wide=wide, prefix=len(types) > 1, namespaces=selection.namespace is None)
        for type_, table in tables
        if table.get("rows")
    ]
    if texts:
        write("\n\n".join(texts))
    else:
        where = (
            "" if selection.namespace is None else f" in namespace {selection.namespace} (-A looks in all)"
        )
        err.print(f"no {', '.join(type_.plural for type_ in types)}{where}")


async def _objects(
    client: Client, types: Sequence[ResourceType], selection: Selection, name: str, output: Output
) -> None:
    if name:
        found = [await client.get(_exact(type_), name, selection.namespace or "") for type_ in types]
    else:
        found = [item for type_ in types for item in (await client.list(_exact(type_), selection)).items]
    if output == "name":
        by_kind = {type_.kind: type_ for type_ in types}
        for item in found:
            write(f"{by_kind[item['kind']].qualified}/{item['metadata']['name']}")
        return
    document: Any = (
        found[0] if name and len(found) == 1 else {"apiVersion": "v1", "kind": "List", "items": found}
    )
    write(as_yaml(document) if output == "yaml" else as_json(document))


async def _watch(client: Client, type_: ResourceType, selection: Selection, *, wide: bool) -> None:
    """Rows as they come, until Ctrl-C; columns keep at least the widths of the first print."""
    table = await client.table(_exact(type_), selection)
    namespaces = selection.namespace is None
    rows = _rows(type_, table, wide=wide, namespaces=namespaces)
    definitions = table["columnDefinitions"]
    widths = column_widths(rows)
    write(columns(rows, widths))
    revision = str(table["metadata"]["resourceVersion"])
    while True:
        async for batch in client.watch(_exact(type_), revision, selection, table=True):
            for event in batch:
                revision = event.revision or revision
                if event.type != "BOOKMARK":
                    change = {"columnDefinitions": definitions} | _present(event.object)
                    write(columns(_rows(type_, change, wide=wide, namespaces=namespaces)[1:], widths))


def _table(type_: ResourceType, table: Object, *, wide: bool, prefix: bool, namespaces: bool) -> str:
    rows = _rows(type_, table, wide=wide, namespaces=namespaces)
    if prefix:
        at = 1 if rows[0][0] == "NAMESPACE" else 0
        for row in rows[1:]:
            row[at] = f"{type_.qualified}/{row[at]}"
    return columns(rows)


def _rows(type_: ResourceType, table: Object, *, wide: bool, namespaces: bool) -> list[list[str]]:
    """Head and rows; the columns of priority 0, or all of them when `wide`."""
    shown = [
        index for index, column in enumerate(table["columnDefinitions"]) if wide or not column.get("priority")
    ]
    head = [table["columnDefinitions"][index]["name"].upper() for index in shown]
    rows = [[_cell(row["cells"][index]) for index in shown] for row in table["rows"]]
    if not (namespaces and type_.namespaced):
        return [head, *rows]
    homes = [str(row["object"]["metadata"].get("namespace", "")) for row in table["rows"]]
    return [["NAMESPACE", *head], *([home, *row] for home, row in zip(homes, rows, strict=True))]


def _present(table: Any) -> Object:
    """A table without empty columns: in a watch, servers send the definitions with the first event only."""
    return {key: value for key, value in table.items() if value or key == "rows"}


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _exact(type_: ResourceType) -> str:
    return f"{type_.plural}.{type_.group}" if type_.group else type_.plural
