"""How a call is met by a proxy that asks who calls: what that decides, and because of what."""

from collections.abc import Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.control.caller_text import peer_text, request_text
from sekisho.control.clients import Client
from sekisho.control.rows import Row
from sekisho.ir.admittance import with_shadows
from sekisho.ir.calls import Answered, Call, Refused
from sekisho.ir.incoming import Arrival, Reception, receive


def arrival(client: Client, alpn: str, server_name: str, call: Call | None) -> Arrival:
    """A call of a client, as the sidecar of the server meets it."""
    security = "mutual" if client.is_member else "plain"
    return Arrival(peer=client.peer(server_name), security=security, alpn=alpn, call=call)  # type: ignore[arg-type]


def receive_at(wanted: ir.Inbound, arriving: Arrival, *, shadow: bool) -> Reception:
    """What the sidecar does; with `shadow`, what it would do if shadow denials denied."""
    if shadow:
        wanted = replace(wanted, permissions=with_shadows(wanted.permissions))
    return receive(wanted, arriving)


def permission_rows(found: Reception) -> Iterator[Row]:
    """Who lets in or keeps out."""
    judged = found.judgement
    if judged is None:
        if failure := failure_of(found):
            yield Row("answer", failure.partition(":")[0], None, failure.partition(": ")[2])
        return
    verdict = "allowed" if judged.allowed else "denied"
    if judged.rule is None:
        yield Row("permission", verdict, None, "no permission lets it in, and the default is deny")
    else:
        caller = judged.rule.caller
        detail = "; ".join(part for part in (peer_text(caller), request_text(caller)) if part)
        yield Row("permission", verdict, judged.rule.origin, detail)
    if judged.shadow is not None:
        yield Row("shadow", "would be denied", judged.shadow.origin, "counted, not denied")


def failure_of(found: Reception) -> str:
    """What the caller meets in place of the application; empty where the call arrives."""
    match found.outcome:
        case Refused(why):
            return f"refused: {why}"
        case Answered(status=status, why=why):
            return f"answered {status}: {why}"
        case _:
            return ""
