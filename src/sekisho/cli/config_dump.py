"""`sekisho config-dump`: what a gateway's proxies are given, as Envoy takes it."""

import json
from typing import Annotated, Literal

from cyclopts import Parameter

from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Namespace
from sekisho.cli.terminal import Exit, Failure, as_yaml, err, write
from sekisho.client import Client, Selection
from sekisho.client.reviews import ConfigDump, ConfigDumpSpec, ask

Type = Literal["", "cluster", "endpoints", "secret", "listener", "scope", "routes"]


async def config_dump(
    gateway: str = "",
    /,
    *,
    type_: Annotated[Type, Parameter(name="--type", help="Resources of one type only.")] = "",
    output: Annotated[Literal["yaml", "json"], Parameter(name=["-o", "--output"], help="Format.")] = "yaml",
    namespace: Namespace = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Show the Envoy resources of GATEWAY (name or namespace/name; not needed when there is only one)."""
    async with connection.client() as client:
        chosen = await _choose(client, gateway, namespace)
        answer = await ask(client, "ConfigDump", ConfigDumpSpec(gateway=chosen, type=type_), ConfigDump)
    documents = [
        {"type": found.type, "name": found.name, "version": found.version, "resource": found.body}
        for found in answer.resources
    ]
    if not documents:
        err.print(f"nothing{f' of type {type_}' if type_ else ''} is published for gateway {chosen}")
        return Exit.PROBLEM
    if output == "json":
        write(json.dumps(documents, indent=2, ensure_ascii=False))
    else:
        write("---\n".join(as_yaml(document) for document in documents))
    return Exit.OK


async def _choose(client: Client, gateway: str, namespace: str) -> str:
    if gateway:
        home = namespace or client.transport.access.namespace
        return gateway if "/" in gateway else f"{home}/{gateway}"
    found = (await client.list("gateways", Selection(namespace=namespace or None))).items
    names = [f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in found]
    if len(names) == 1:
        return names[0]
    raise Failure(
        "there is no Gateway" if not names else "there are several Gateways: name one",
        advice=f"One of: {', '.join(names)}" if names else "",
    )
