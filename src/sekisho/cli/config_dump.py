"""`sekisho config-dump`: what the proxies of a Gateway or Workload are given, as Envoy takes it."""

from collections.abc import Iterator
from difflib import unified_diff
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from msgspec.structs import replace

from sekisho.cli.diff import shown_difference
from sekisho.cli.options import DEFAULT_CONNECTION, Connection, InZone, Namespace
from sekisho.cli.terminal import Exit, Failure, as_json, as_yaml, err, write
from sekisho.client import Client, Selection
from sekisho.client.reviews import ConfigDump, ConfigDumpSpec, Published, ask

Type = Literal["cluster", "endpoints", "secret", "listener", "scope", "routes", "hostname", "sidecar"]


async def config_dump(
    gateway: Annotated[str, Parameter(help="Name or namespace/name. Default: the only one.")] = "",
    /,
    *,
    workload: Annotated[str, Parameter(help="A Workload instead (name or namespace/name).")] = "",
    type_: Annotated[Type | None, Parameter(name="--type", help="Resources of one type only.")] = None,
    output: Annotated[Literal["yaml", "json"], Parameter(name=["-o", "--output"], help="Format.")] = "yaml",
    shadow: Annotated[
        bool, Parameter(help="Show the difference that policies in shadow would make instead.")
    ] = False,
    namespace: Namespace = "",
    zone: InZone = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Show the Envoy resources of GATEWAY.

    With --shadow, the difference between them and those that there would be if the policies labelled
    sekisho.dev/effect: shadow counted; exits 1 when there is one.
    """
    if zone and not gateway and not workload:
        raise Failure("of a zone, name the Gateway or the Workload", code=Exit.USAGE)
    async with connection.client() as client:
        spec = replace(await _spec(client, gateway, workload, namespace, type_ or ""), zone=zone)
        answer = await ask(client, "ConfigDump", spec, ConfigDump)
        later = await ask(client, "ConfigDump", replace(spec, shadow=True), ConfigDump) if shadow else None
    if later is not None:
        return _show_difference(answer, later)
    return _show(answer, spec, output)


async def _spec(client: Client, gateway: str, workload: str, namespace: str, type_: str) -> ConfigDumpSpec:
    home = namespace or client.transport.access.namespace
    if workload:
        return ConfigDumpSpec(workload=_full(workload, home), type=type_)
    chosen = _full(gateway, home) if gateway else await _only_gateway(client, namespace)
    return ConfigDumpSpec(gateway=chosen, type=type_)


def _full(name: str, home: str) -> str:
    return name if "/" in name else f"{home}/{name}"


def _show(answer: ConfigDump, spec: ConfigDumpSpec, output: str) -> Exit:
    documents = [
        {"type": found.type, "name": found.name, "version": found.version, "resource": found.body}
        for found in answer.resources
    ]
    if not documents:
        whose = f"workload {spec.workload}" if spec.workload else f"gateway {spec.gateway}"
        err.print(f"nothing{f' of type {spec.type}' if spec.type else ''} is published for {whose}")
        return Exit.PROBLEM
    if output == "json":
        write(as_json(documents))
    else:
        write("---\n".join(as_yaml(document) for document in documents))
    return Exit.OK


def _show_difference(now: ConfigDump, later: ConfigDump) -> Exit:
    lines = list(_difference(now, later))
    shown_difference(lines)
    if not lines:
        err.print("policies in shadow would change nothing here")
    return Exit.PROBLEM if lines else Exit.OK


def _difference(now: ConfigDump, later: ConfigDump) -> Iterator[str]:
    before, after = _by_name(now.resources), _by_name(later.resources)
    for type_, name in sorted({*before, *after}):
        old, new = (_lines(found.get((type_, name))) for found in (before, after))
        title = f"{type_} {name}"
        yield from unified_diff(old, new, f"{title} (now)", f"{title} (with shadows)", lineterm="")


def _by_name(resources: tuple[Published, ...]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(found.type, found.name): found.body for found in resources}


def _lines(body: dict[str, Any] | None) -> list[str]:
    return [] if body is None else as_yaml(body).splitlines()


async def _only_gateway(client: Client, namespace: str) -> str:
    found = (await client.list("gateways", Selection(namespace=namespace or None))).items
    names = [f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in found]
    if len(names) == 1:
        return names[0]
    raise Failure(
        "there is no Gateway" if not names else "there are several Gateways: name one",
        advice=f"One of: {', '.join(names)}" if names else "",
    )
