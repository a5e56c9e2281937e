"""Kubernetes' protobuf bodies."""

import base64
import random
from typing import Any

import pytest

from sekisho.api import wire

from .harness import Api


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(api_version: str, kind: str, *fields: bytes) -> bytes:
    identity = field(1, api_version) + field(2, kind)
    return b"k8s\x00" + field(1, identity) + field(2, b"".join(fields)) + field(3, "") + field(4, "")


def metadata(name: str, **labels: str) -> bytes:
    entries = b"".join(field(11, field(1, key) + field(2, value)) for key, value in labels.items())
    return field(1, field(1, name) + field(2, "") + field(3, "default") + field(8, b"") + entries)


SECRET = body(
    "v1",
    "Secret",
    metadata("s", app="x"),
    field(2, field(1, "a") + field(2, b"\x00\xff")),
    field(3, "Opaque"),
)
PORT = (
    field(1, "http") + field(2, "TCP") + field(3, 80) + field(4, field(1, 1) + field(2, 0) + field(3, "web"))
)
SERVICE = body("v1", "Service", metadata("c"), field(2, field(1, PORT) + field(3, "") + field(13, 0)))


def test_a_secret_is_read() -> None:
    assert wire.decode(SECRET) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default", "labels": {"app": "x"}},
        "data": {"a": base64.b64encode(b"\x00\xff").decode()},
        "type": "Opaque",
    }


def test_a_service_is_read_without_what_go_writes_for_nothing() -> None:
    ports = [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "web"}]
    assert wire.decode(SERVICE)["spec"] == {"ports": ports}


def test_a_time_is_read() -> None:
    made = body("v1", "Namespace", field(1, field(1, "n") + field(8, field(1, 86_400))))
    assert wire.decode(made)["metadata"]["creationTimestamp"] == "1970-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("api_version", "kind", "fields", "found"),
    [
        ("v1", "ConfigMap", [metadata("c"), field(2, field(1, "a") + field(2, "b"))], {"data": {"a": "b"}}),
        (
            "v1",
            "Namespace",
            [field(1, field(1, "n")), field(2, field(1, "kubernetes"))],
            {"spec": {"finalizers": ["kubernetes"]}},
        ),
        (
            "v1",
            "DeleteOptions",
            [field(4, "Background"), field(5, "All")],
            {"propagationPolicy": "Background", "dryRun": ["All"]},
        ),
    ],
)
def test_other_kinds_are_read(
    api_version: str, kind: str, fields: list[bytes], found: dict[str, Any]
) -> None:
    assert wire.decode(body(api_version, kind, *fields)).items() >= found.items()


async def test_a_secret_can_be_created_this_way(api: Api) -> None:
    path = "/api/v1/namespaces/default/secrets"
    made = await api.ok(
        "POST", path, SECRET, content_type=wire.MEDIA_TYPE, accept=f"{wire.MEDIA_TYPE},application/json"
    )
    assert made["data"] == {"a": base64.b64encode(b"\x00\xff").decode()}
    await api.refused(415, "POST", path, body("v1", "Pod", metadata("p")), content_type=wire.MEDIA_TYPE)


def test_damaged_bodies_are_refused_and_nothing_worse() -> None:
    chance = random.Random(7)
    for _ in range(3_000):
        damaged = bytearray(chance.choice([SECRET, SERVICE]))
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
        try:
            wire.decode(bytes(damaged[: chance.randrange(4, len(damaged) + 1)]))
        except (wire.Malformed, wire.UnknownMessage):
            continue


@pytest.mark.parametrize("data", [b"", b"k8s", b"PK\x03\x04", b"k8s\x00" + b"\xff" * 20, b"k8s\x00\x0f"])
def test_other_bytes_are_malformed(data: bytes) -> None:
    with pytest.raises((wire.Malformed, wire.UnknownMessage)):
        wire.decode(data)
