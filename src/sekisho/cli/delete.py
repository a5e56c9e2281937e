"""`sekisho delete`: by kind and name, or what files name."""

from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter

from sekisho.app.folder.manifests import Manifest
from sekisho.cli.files import manifests
from sekisho.cli.options import DEFAULT_CONNECTION, AnyKind, Connection, Files, Namespace, kind_and_name
from sekisho.cli.terminal import Exit, Failure, err, write
from sekisho.client import Client, NotFound


async def delete(
    kind: AnyKind = "",
    /,
    *names: Annotated[str, Parameter(help="Which of them. KIND/NAME… is fine, too.")],
    filename: Files = (),
    namespace: Namespace = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Delete KIND NAME…, or with -f everything in files. Exits 1 when something was not there."""
    pairs = map(kind_and_name, (kind, *names)) if "/" in kind else ((kind, name) for name in names)
    asked = list(pairs)
    if bool(filename) == bool(kind) or (kind and not asked) or not all(name for _, name in asked):
        raise Failure("say either KIND NAME… or -f FILE", code=Exit.USAGE)
    found = manifests(filename) if filename else []
    async with connection.client() as client:
        home = namespace or client.transport.access.namespace
        targets = [(*one, home) for one in asked] or _targets(found, home)
        results = [await _delete(client, *target) for target in targets]
    return Exit.OK if all(results) else Exit.PROBLEM


def _targets(found: Iterable[Manifest], home: str) -> list[tuple[str, str, str]]:
    # The reverse of the order of writing: what refers goes before what it refers to.
    return [(m.id.kind, m.id.name, m.id.namespace or home) for m in reversed(list(found))]


async def _delete(client: Client, kind: str, name: str, namespace: str) -> bool:
    type_ = await client.resource_type(kind)
    try:
        await client.delete(kind, name, namespace if type_.namespaced else "")
    except NotFound:
        where = f" in namespace {namespace}" if type_.namespaced else ""
        err.print(f"{type_.qualified}/{name} was not there{where}")
        return False
    write(f"{type_.qualified}/{name} deleted")
    return True
