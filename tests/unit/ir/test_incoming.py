"""What a sidecar does with a call to its workload."""

from msgspec.structs import replace
from tests.kit.sidecar import TRUST_DOMAIN, inbound, spiffe_id

from sekisho import ir
from sekisho.ir.admittance import Peer
from sekisho.ir.calls import Answered, Call, Refused
from sekisho.ir.incoming import Arrival, Delivered, receive

WANTED = inbound(8080, 9000)
MEMBER = Peer(identity=spiffe_id("cart"), address="10.0.0.1")
STRANGER = Peer(address="10.0.0.1")
CALL = Call(
    host="web",
    port=80,
    path="/a/../b?c",
    headers=(("x-a", "1"), ("x-sekisho-scope", "1"), ("x-envoy-internal", "true")),
)


def outcome(wanted: ir.Inbound, peer: Peer = MEMBER, **fields: object) -> object:
    return receive(wanted, Arrival(**{"peer": peer, "call": CALL, **fields})).outcome  # type: ignore[arg-type]


def test_a_member_is_delivered_with_the_path_the_rules_saw_and_without_our_own_headers() -> None:
    found = outcome(WANTED)
    assert isinstance(found, Delivered)
    assert found.call is not None
    assert (found.call.path, found.call.headers) == (
        "/b?c",
        (("x-a", "1"), ("x-forwarded-client-cert", f"URI={MEMBER.identity}")),
    )


def test_strict_lets_nobody_in_without_mutual_tls() -> None:
    for security in ("plain", "foreign"):
        assert isinstance(outcome(WANTED, STRANGER, security=security), Refused)


def test_permissive_judges_strangers_as_nobody() -> None:
    tls = ir.MutualTls(mode=ir.MutualTlsMode.PERMISSIVE, trust_domains=(TRUST_DOMAIN,))
    wanted = replace(WANTED, tls=tls)
    assert isinstance(outcome(wanted, STRANGER, security="plain"), Delivered)
    members = ir.PermissionRule(
        effect=ir.Effect.ALLOW, caller=ir.Caller(identities=(ir.Text("present"),)), origin=WANTED.origin
    )
    wanted = replace(wanted, permissions=ir.Permissions(rules=(members,)))
    assert outcome(wanted, STRANGER, security="plain") == Answered(status=403, why="no permission lets it in")
    assert outcome(wanted, STRANGER, security="foreign") == Refused("no permission lets it in")


def test_members_of_other_trust_domains_are_not_believed() -> None:
    found = outcome(WANTED, Peer(identity="spiffe://other.mesh/ns/a/sa/b", address="10.0.0.1"))
    assert found == Refused("nobody of the trust domain other.mesh is believed")


def test_a_port_of_bytes_takes_no_http_2_and_judges_by_the_connection() -> None:
    wanted = replace(WANTED, protocol=ir.Protocol.TCP, inspected=False)
    assert isinstance(outcome(wanted), Refused)
    assert outcome(wanted, alpn="sekisho") == Delivered(call=None)


def test_without_identities_and_rules_everybody_is_let_in() -> None:
    wanted = replace(WANTED, tls=None, permissions=ir.Permissions())
    assert isinstance(outcome(wanted, STRANGER, security="plain"), Delivered)


def test_what_has_two_meanings_is_not_judged_at_all() -> None:
    for path, status in (("/a%2Fb", 307), ("/a%00", 400), ("/a#b", 400)):
        found = outcome(WANTED, call=replace(CALL, path=path))
        assert isinstance(found, Answered)
        assert found.status == status
    assert outcome(WANTED, call=None) == Answered(
        status=400, why="this port reads HTTP, and these bytes are not"
    )


def test_a_denial_says_whose_it_is() -> None:
    denial = ir.PermissionRule(effect=ir.Effect.DENY, caller=ir.Caller(), origin=WANTED.origin)
    wanted = replace(WANTED, permissions=ir.Permissions(rules=(denial, *WANTED.permissions.rules)))
    assert outcome(wanted) == Answered(status=403, why="denied by Workload/shop/test")
