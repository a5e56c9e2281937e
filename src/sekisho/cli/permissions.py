"""`sekisho permissions`: may one workload call another, and because of which rule."""

from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Format, InZone
from sekisho.cli.requests import Claims, Headers, Method, request_headers, token_claims
from sekisho.cli.rows import show_rows, source
from sekisho.cli.terminal import Exit, Failure, out, write_answer
from sekisho.client.reviews import Permission, PermissionSpec, PortVerdict, RuleState, ask

_COLOURS = {"allowed": "bold green", "denied": "bold red", "conditional": "bold yellow"}
_VERDICTS = {"allowed": "allowed", "denied": "denied", "conditional": "depends on the request"}
_EFFECTS = {"deny": "deny", "allow": "allow", "allowWithShadowDeny": "allow (shadow deny)"}


async def permissions(
    client: Annotated[
        str,
        Parameter(help="namespace/name of a Workload, Gateway or Service; or a spiffe://… identity."),
    ],
    server: Annotated[str, Parameter(help="namespace/name of a Service or Workload.")],
    /,
    *,
    path: Annotated[str, Parameter(help="Path of a request, with its query. Default: all requests.")] = "",
    method: Method = "GET",
    header: Headers = (),
    claim: Claims = (),
    port: Annotated[int, Parameter(help="Port of the server. Default: all.")] = 0,
    shadow: Annotated[bool, Parameter(help="As if what is in shadow counted.")] = False,
    zone: InZone = "",
    output: Format = "text",
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Say whether CLIENT may call SERVER, for which requests, and who decided so.

    With --path it is about this one request, else about all of them. Nothing is sent. Exits 0 when some port
    lets CLIENT in, be it for some requests, and 1 when none does.
    """
    _check(client, server, path)
    spec = PermissionSpec(
        client=client,
        server=server,
        port=port,
        path=path,
        method=method.upper(),
        headers=request_headers(header),
        claims=token_claims(claim),
        shadow=shadow,
        zone=zone,
    )
    return await _asked(spec, connection, output)


def _check(client: str, server: str, path: str) -> None:
    for named in (client, server):
        if named.count("/") != 1 and not (named is client and named.startswith("spiffe://")):
            raise Failure(f"{named!r} is not written as namespace/name", code=Exit.USAGE)
    if path and not path.startswith("/"):
        raise Failure(f"--path {path!r} does not begin with /", code=Exit.USAGE)


async def _asked(spec: PermissionSpec, connection: Connection, output: Format) -> Exit:
    async with connection.client() as client:
        answer = await ask(client, "Permission", spec, Permission)
    if output == "text":
        _show(answer)
    else:
        write_answer(answer, output)
    return Exit.OK if answer.allowed else Exit.PROBLEM


def _show(answer: Permission) -> None:
    if answer.client:
        _show_pairs(
            [("caller", answer.client), ("identity", answer.identity or "none"), ("from", answer.address)]
        )
    for port in answer.ports:
        out.print()
        _show_port(port)
    if answer.ports:
        out.print()
    style = "bold green" if answer.allowed else "bold red"
    out.print(Text.assemble(("→ ", "bold"), (answer.outcome, style)))


def _show_pairs(pairs: list[tuple[str, str]]) -> None:
    for name, value in pairs:
        if value:
            out.print(Text.assemble((f"{name:<8}  ", "bold"), value))


def _show_port(port: PortVerdict) -> None:
    speaks = ", ".join(part for part in (port.speaks, f"mutual TLS {port.mode}" if port.mode else "") if part)
    verdict = (_VERDICTS[port.verdict], _COLOURS[port.verdict])
    why = f": {port.why}" if port.why else ""
    line = Text.assemble((f"port {port.port}", "bold"), f"  {speaks}  ", verdict, why, "  ")
    line.append(source(port), "green")
    line.rstrip()
    out.print(line)
    _show_pairs(
        [("server", ", ".join(port.workloads)), ("identity", port.identity), ("shadow", _shadow(port))]
    )
    _show_rules(port.rules)
    if port.others:
        out.print(f"  {port.others} more for other callers")
    for warning in port.warnings:
        out.print(Text.assemble(("  warning: ", "bold yellow"), warning))


def _shadow(port: PortVerdict) -> str:
    return f"would be denied by {port.shadow}" if port.shadow else ""


def _show_rules(rules: tuple[RuleState, ...]) -> None:
    rows = [
        (_EFFECTS.get(rule.effect, rule.effect), rule.who, rule.requests or "all requests", source(rule))
        for rule in rules
    ]
    show_rows(rows, ("bold", "", "cyan", "green"), indent="  ")
