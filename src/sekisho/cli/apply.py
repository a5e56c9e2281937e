"""`sekisho apply`: bring resources to the state of files, by server-side apply."""

from typing import Annotated

from cyclopts import Parameter

from sekisho.app.folder.applying import Applier
from sekisho.cli.files import manifests, show_doubts
from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Files, Namespace
from sekisho.cli.terminal import Exit, show_problems, write

MANAGER = "sekisho"
"""Field manager of this command."""

Prune = Annotated[
    str,
    Parameter(help="Name of a set: what an earlier apply with this name brought and is gone, is deleted."),
]
Force = Annotated[bool, Parameter(help="Take over fields that somebody else manages.")]


async def apply(
    *,
    filename: Files,
    namespace: Namespace = "",
    prune: Prune = "",
    force: Force = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Create or change resources to what files say. Exits 1 when one was refused; the others are applied."""
    async with connection.client() as client:
        home = namespace or client.transport.access.namespace
        found = manifests(filename, namespace=home, may_be_none=bool(prune))
        outcome = await Applier(client, manager=MANAGER, set_name=prune, force=force).bring(found)
    for id_ in outcome.applied:
        write(f"{id_.shown} applied")
    for id_ in outcome.pruned:
        write(f"{id_.shown} deleted")
    show_doubts(found)
    show_problems(outcome.problems)
    return Exit.PROBLEM if outcome.problems else Exit.OK
