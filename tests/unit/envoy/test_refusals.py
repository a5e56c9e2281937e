"""Refused connections: what Envoy is asked to tell, and what the agent makes of it."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError

from sekisho.envoy.refusals import Refusal, refusals, refusals_told
from sekisho.protos import message, unpack

FAILED = "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:"
STRANGER = "spiffe://default.azure.mesh.local/ns/shop/sa/web"


def request(**values: str) -> bytes:
    """What an Envoy sends of one connection of which it knows these, and nothing else."""
    (log,) = refusals_told()
    request = message("opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest")()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    for attribute in unpack(log["typed_config"]).attributes.values:
        text = values.get(attribute.key, "-")
        record.attributes.add(key=attribute.key, value={"string_value": text})
    return bytes(request.SerializeToString())


def refusal(**values: str) -> Refusal:
    (found,) = refusals(request(**values))
    return found


def test_a_connection_is_told_with_what_it_said_of_itself() -> None:
    found = refusal(
        peer="192.0.2.7:40000", at="10.0.0.1:80", server_name="a.b", claimed=STRANGER, tls=f"{FAILED}_x"
    )
    assert found[:4] == ("192.0.2.7:40000", "10.0.0.1:80", "a.b", STRANGER)
    assert found.detail == f"{FAILED}_x"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"tls": f"{FAILED}_SAN_matcher,_certificate_SANs_are_[{STRANGER}]"}, "nobody who may call"),
        ({"tls": f"{FAILED}_unable_to_get_local_issuer_certificate"}, "no authority that is believed"),
        ({"tls": f"{FAILED}_certificate_is_not_yet_valid"}, "clocks"),
        ({"tls": f"{FAILED}_certificate_has_expired"}, "has expired"),
        ({"tls": "TLS_error:|2:PEER_DID_NOT_RETURN_A_CERTIFICATE:x"}, "no certificate"),
        ({"tls": "TLS_error:_Secret_is_not_supplied_by_SDS"}, "no certificate here yet"),
        ({"tls": "TLS_error|error:1000009c:HTTP_REQUEST:TLS_error_end", "flags": "NR"}, "speaks no TLS"),
        ({"tls": "TLS_error:|1:SOMETHING_NEW"}, "TLS failed"),
        ({"flags": "NC", "server_name": "x"}, "the server name it asks for"),
        ({"flags": "NR", "server_name": "x"}, "no protocol (ALPN)"),
    ],
)
def test_why_is_said_in_words(values: dict[str, str], why: str) -> None:
    assert why in refusal(**values).why


def test_what_a_stranger_sends_is_cut() -> None:
    assert len(refusal(claimed="spiffe://" + "a" * 10_000).claimed) == 256


def test_what_envoy_does_not_know_is_empty() -> None:
    assert refusal(flags="NR")[:4] == ("", "", "", "")


def test_what_is_no_request_is_an_error() -> None:
    with pytest.raises(DecodeError):
        list(refusals(b"\xff"))


def test_a_record_of_something_else_is_an_error() -> None:
    other: Any = message("opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest")()
    other.resource_logs.add().scope_logs.add().log_records.add()
    with pytest.raises(KeyError):
        list(refusals(other.SerializeToString()))
