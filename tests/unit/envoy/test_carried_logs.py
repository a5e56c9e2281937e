"""What Envoy is told about lines for log servers, and what the agent reads out of Envoy's records."""

import json
from typing import Any

import pytest

from sekisho import ir
from sekisho.envoy.access_logs import access_logs
from sekisho.envoy.carried_logs import LogServer, lines
from sekisho.protos import message, unpack

SERVER = LogServer("logs.example.com", 5000)
FIELDS = (
    ("code", "%RESPONSE_CODE%"),
    ("sent", "%BYTES_SENT%"),
    ("agent", "%REQ(USER-AGENT)%"),
    ("said", "%RESPONSE_CODE% of %PROTOCOL%"),
    ("took", "%UPSTREAM_HEADER_BYTES_SENT%"),
)


def told(**layout: Any) -> Any:
    """Envoy's configuration of a log to `SERVER`."""
    (logger,) = access_logs(
        [ir.TcpLog(address=SERVER.address, port=SERVER.port, format=ir.LogFormat(**layout))]
    )
    return unpack(logger["typed_config"])


def sent(config: Any, values: dict[str, str]) -> bytes:
    """What an Envoy of this configuration sends for one request, its operators replaced by `values`."""

    def formatted(text: str) -> str:
        for operator, value in values.items():
            text = text.replace(operator, value)
        return text

    request = message("opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest")()
    group = request.resource_logs.add()
    group.resource.attributes.extend(config.resource_attributes.values)
    record = group.scope_logs.add().log_records.add()
    record.body.string_value = formatted(config.body.string_value)
    for attribute in config.attributes.values:
        record.attributes.add(
            key=attribute.key, value={"string_value": formatted(attribute.value.string_value)}
        )
    return bytes(request.SerializeToString())


def test_no_log_of_any_kind_names_a_file_in_the_folder_envoy_runs_in() -> None:
    logger = told()
    assert logger.DESCRIPTOR.name == "OpenTelemetryAccessLogConfig"
    assert logger.grpc_service.envoy_grpc.cluster_name == "sekisho-xds"


def test_text_is_a_line_whatever_is_in_it() -> None:
    config = told(text="%REQ(:PATH)% %RESPONSE_CODE%\n")
    assert list(lines(sent(config, {"%REQ(:PATH)%": "/a\nb", "%RESPONSE_CODE%": "200"}))) == [
        (SERVER, b"/a b 200\n")
    ]


def test_without_a_format_it_is_the_usual_one() -> None:
    ((server, line),) = lines(sent(told(), {"%RESPONSE_CODE%": "404"}))
    assert server == SERVER
    assert b'%PROTOCOL%" 404 ' in line


VALUES = {
    "%RESPONSE_CODE%": "200",
    "%BYTES_SENT%": "17",
    "%REQ(USER-AGENT)%": "-",
    "%PROTOCOL%": 'HTTP/1.1"',
    "%UPSTREAM_HEADER_BYTES_SENT%": "",
}


@pytest.mark.parametrize("omit_empty", [False, True])
def test_numbers_are_numbers_and_what_there_is_not_is_nothing(*, omit_empty: bool) -> None:
    ((_, line),) = lines(sent(told(fields=FIELDS, omit_empty=omit_empty), VALUES))
    missing = {} if omit_empty else {"agent": None, "took": None}
    assert json.loads(line) == {"code": 200, "sent": 17, "said": '200 of HTTP/1.1"'} | missing
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1


def test_names_of_fields_may_look_like_ours() -> None:
    ((_, line),) = lines(sent(told(fields=(("number:x", "%PROTOCOL%"), ("text:", "7"))), {"%PROTOCOL%": "8"}))
    assert json.loads(line) == {"number:x": "8", "text:": "7"}


def test_what_is_not_from_such_a_log_is_refused() -> None:
    request = message("opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest")()
    request.resource_logs.add()
    with pytest.raises(KeyError):
        list(lines(request.SerializeToString()))
