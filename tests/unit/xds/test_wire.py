"""Spliced bytes equal what the protobuf library writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.xds import Response

from sekisho.protos import message
from sekisho.xds.rpc import Deframer, Failed, Status, refusal, trailers
from sekisho.xds.types import CLUSTER
from sekisho.xds.wire import delta_response, length_prefixed, resource_head, varint

text = st.text(max_size=300)


@given(st.lists(st.tuples(text, text, st.binary(max_size=400)), max_size=4), st.lists(text, max_size=3), text)
def test_a_spliced_response_is_the_message(
    resources: list[tuple[str, str, bytes]], removed: list[str], nonce: str
) -> None:
    entries = [
        part
        for name, version, body in resources
        for part in (resource_head(CLUSTER, name, version, len(body)), body)
    ]
    parsed = Response.FromString(delta_response(CLUSTER, nonce, "7", entries, removed))
    assert (parsed.type_url, parsed.nonce, parsed.system_version_info) == (CLUSTER, nonce, "7")
    assert list(parsed.removed_resources) == removed
    found = [(each.name, each.version, each.resource.value) for each in parsed.resources]
    assert found == resources
    assert all(each.resource.type_url == CLUSTER for each in parsed.resources)


@given(st.integers(min_value=0, max_value=2**40))
def test_varints_are_those_of_protobuf(number: int) -> None:
    made = message("google.protobuf.UInt64Value")(value=number).SerializeToString()
    assert made == (b"\x08" + varint(number) if number else b"")


@given(st.lists(st.binary(max_size=200), max_size=6), st.integers(min_value=1, max_value=50))
def test_messages_come_out_as_they_went_in_however_they_are_cut(messages: list[bytes], size: int) -> None:
    octets, deframer = b"".join(map(length_prefixed, messages)), Deframer(1_000)
    pieces = [octets[start : start + size] for start in range(0, len(octets), size)]
    assert [found for piece in pieces for found in deframer.messages(piece)] == messages


def test_an_oversized_or_compressed_message_fails_on_its_first_octets() -> None:
    with pytest.raises(Failed) as failed:
        list(Deframer(10).messages(b"\0\0\0\0\x0b"))
    assert failed.value.status == Status.RESOURCE_EXHAUSTED
    with pytest.raises(Failed) as failed:
        list(Deframer(10).messages(b"\x01\0\0\0\x01x"))
    assert failed.value.status == Status.UNIMPLEMENTED


def test_trailers_say_status_and_message_in_printable_ascii() -> None:
    block = trailers(Status.PERMISSION_DENIED, "höhö\n" + "x" * 600)
    assert b"grpc-status\x017" in block
    assert b"h%C3%B6h%C3%B6%0A" in block


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({}, False),
        ({b"content-type": b"application/grpc+proto"}, False),
        ({b":method": b"GET"}, True),
        ({b"content-type": b"application/json"}, True),
        ({b"content-type": b"application/grpc-web"}, True),
        ({b":path": b"/other"}, True),
    ],
)
def test_only_the_one_method_gets_through(changed: dict[bytes, bytes], refused: bool) -> None:
    path = b"/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
    headers = {b":method": b"POST", b":path": path, b"content-type": b"application/grpc", **changed}
    assert (refusal(list(headers.items())) is not None) == refused
