"""DNS answers from records: which data, which "there is nothing", and what is left to others."""

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.agent.dns.answering import Answering, question_of
from sekisho.agent.dns.records import Records
from sekisho.ir.agent import HostnameRecord
from sekisho.model.names import Origin, ResourceId

ORIGIN = Origin(ResourceId("Service", "shop", "catalog"))


def record(name: str, *addresses: str) -> HostnameRecord:
    return HostnameRecord(name=name, addresses=addresses, origin=ORIGIN)


def answering(*records: HostnameRecord) -> Answering:
    return Answering(Records(records, ["mesh.local"]))


BOTH = record("catalog.shop.svc.mesh.local", "241.0.0.1", "fd5e:6b69:7368:6f::f100:1")
KNOWN = answering(
    BOTH,
    record("old.shop.svc.mesh.local", "241.0.0.2"),
    record("idle.shop.svc.mesh.local"),
    record("*.example.com", "242.0.0.1"),
    record("www.example.com", "242.0.0.2"),
    record("many.shop.svc.mesh.local", *(f"10.0.{high}.{low}" for high in range(4) for low in range(250))),
)


def asked(
    name: str, kind: str = "A", *, to: Answering = KNOWN, datagram: bool = True, **edns: int
) -> dns.message.Message | None:
    answer = to.answer(dns.message.make_query(name, kind, **edns).to_wire(), datagram=datagram)
    return None if answer is None else dns.message.from_wire(answer)


def data(message: dns.message.Message | None) -> list[str]:
    assert message is not None
    return [each.to_text() for rrset in message.answer for each in rrset]


def test_both_families_are_answered_each_for_itself() -> None:
    assert data(asked("catalog.shop.svc.mesh.local")) == ["241.0.0.1"]
    assert data(asked("catalog.shop.svc.mesh.local", "AAAA")) == ["fd5e:6b69:7368:6f::f100:1"]


def test_letters_may_be_large_and_come_back_as_they_were() -> None:
    message = asked("CataLog.Shop.svc.mesh.LOCAL")
    assert data(message) == ["241.0.0.1"]
    assert message is not None
    assert message.answer[0].name.to_text() == "CataLog.Shop.svc.mesh.LOCAL."


@pytest.mark.parametrize("kind", ["AAAA", "TXT", "HTTPS", "SRV", "ANY"])
def test_a_name_without_such_data_exists_all_the_same(kind: str) -> None:
    """NXDOMAIN for AAAA makes musl give up on the name (RFC 2308 section 2.2: NODATA)."""
    message = asked("old.shop.svc.mesh.local", kind)
    assert message is not None
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.answer
    assert message.authority[0].rdtype == dns.rdatatype.SOA
    assert message.authority[0].ttl == 5


def test_a_headless_service_without_endpoints_exists() -> None:
    message = asked("idle.shop.svc.mesh.local")
    assert message is not None
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.answer


def test_a_name_of_our_zone_without_record_does_not_exist() -> None:
    message = asked("nothing.shop.svc.mesh.local")
    assert message is not None
    assert message.rcode() == dns.rcode.NXDOMAIN
    assert message.authority[0].name.to_text() == "mesh.local."


@pytest.mark.parametrize("name", ["shop.svc.mesh.local", "svc.mesh.local", "mesh.local"])
def test_what_is_above_a_name_exists(name: str) -> None:
    """RFC 8020: else a resolver that heard NXDOMAIN for the parent would never ask for the child."""
    message = asked(name)
    assert message is not None
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.answer


@pytest.mark.parametrize("name", ["sekisho.test", "example.org", "notmesh.local", "com.", "."])
def test_what_is_not_ours_is_left_to_others(name: str) -> None:
    assert asked(name) is None


def test_a_wildcard_answers_for_names_below_it_but_not_beside_a_record() -> None:
    assert data(asked("api.example.com")) == ["242.0.0.1"]
    assert data(asked("a.b.example.com")) == ["242.0.0.1"]
    assert data(asked("www.example.com")) == ["242.0.0.2"]
    assert asked("a.www.example.com") is None  # RFC 4592: www.example.com encloses it more closely


def test_a_long_answer_is_cut_for_udp_and_whole_by_tcp() -> None:
    name = "many.shop.svc.mesh.local"
    cut, whole = asked(name), asked(name, datagram=False)
    assert cut is not None
    assert cut.flags & dns.flags.TC
    assert len(data(whole)) == 1000


@pytest.mark.parametrize(("payload", "most"), [(0, 512), (4096, 1232), (600, 600)])
def test_a_datagram_has_no_more_bytes_than_the_client_takes(payload: int, most: int) -> None:
    edns = {"use_edns": 0, "payload": payload} if payload else {}
    query = dns.message.make_query("many.shop.svc.mesh.local", "A", **edns).to_wire()
    answer = KNOWN.answer(query, datagram=True)
    assert answer is not None
    assert len(answer) <= most
    assert dns.message.from_wire(answer).flags & dns.flags.TC


def test_an_unknown_version_of_edns_is_told_the_one_we_know() -> None:
    message = asked("catalog.shop.svc.mesh.local", use_edns=1)
    assert message is not None
    assert message.rcode() == dns.rcode.BADVERS


def test_other_operations_are_not_implemented() -> None:
    query = dns.message.make_query("catalog.shop.svc.mesh.local", "A")
    query.set_opcode(dns.opcode.NOTIFY)
    answer = KNOWN.answer(query.to_wire(), datagram=True)
    assert answer is not None
    assert dns.message.from_wire(answer).rcode() == dns.rcode.NOTIMP


def test_an_answer_sent_to_us_is_not_answered() -> None:
    query = dns.message.make_query("catalog.shop.svc.mesh.local", "A")
    query.flags |= dns.flags.QR
    assert KNOWN.answer(query.to_wire(), datagram=True) == b""


def test_a_remembered_answer_carries_the_number_of_its_question_and_ends_with_the_records() -> None:
    changing = answering(BOTH)
    first, second = (dns.message.make_query(BOTH.name, "A", id=number) for number in (1, 2))
    for query in (first, second):
        answer = changing.answer(query.to_wire(), datagram=True)
        assert answer is not None
        assert query.is_response(dns.message.from_wire(answer))
    changing.use(Records([record(BOTH.name, "241.0.0.9")], ["mesh.local"]))
    assert data(asked(BOTH.name, to=changing)) == ["241.0.0.9"]


@given(
    st.binary(max_size=600) | st.builds(lambda head, tail: head + tail, st.just(b"\0\1\1\0\0\1"), st.binary())
)
def test_any_bytes_are_answered_refused_or_left(query: bytes) -> None:
    """Never an exception, and never an answer to what is an answer."""
    for datagram in (True, False):
        answer = KNOWN.answer(query, datagram=datagram)
        if answer:
            assert answer[:2] == query[:2]
            assert answer[2] & 0x80
            assert not query[2] & 0x80


@given(st.integers(0, 40), st.integers(0, 255))
def test_a_query_with_a_spoilt_byte_is_answered_refused_or_left(at: int, value: int) -> None:
    query = bytearray(dns.message.make_query(BOTH.name, "A", use_edns=0).to_wire())
    query[at] = value
    answer = KNOWN.answer(bytes(query), datagram=True)
    assert answer is None or answer == b"" or answer[2] & 0x80


def test_the_question_keeps_its_letters() -> None:
    query = dns.message.make_query("AbC.test", "AAAA").to_wire()
    assert question_of(query) == b"\3AbC\4test\0\0\x1c\0\1"
