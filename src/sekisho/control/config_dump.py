"""`sekisho config-dump`: what a gateway's proxies are given, as JSON, without private keys."""

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format

from sekisho.client.reviews import ConfigDump, ConfigDumpSpec, Published
from sekisho.engine import Engine
from sekisho.envoy.outputs import EMISSIONS
from sekisho.envoy.resource import TYPE_URL_PREFIX
from sekisho.protos import message

REDACTED = "[redacted]"

SHORT_NAMES = {
    "Cluster": "cluster",
    "ClusterLoadAssignment": "endpoints",
    "Secret": "secret",
    "Listener": "listener",
    "ScopedRouteConfiguration": "scope",
}


def config_dump(engine: Engine, spec: ConfigDumpSpec) -> ConfigDump:
    """The published resources of one gateway (`namespace/name`), all or of one type, by type and name."""
    return ConfigDump(resources=tuple(_published(engine, spec)))


def _published(engine: Engine, spec: ConfigDumpSpec) -> Iterator[Published]:
    for emission in EMISSIONS:
        kind = SHORT_NAMES[emission.type_url.rpartition(".")[2]]
        if spec.type not in ("", kind):
            continue
        keys = [
            key for key in engine.keys(emission.output) if f"{key[0].namespace}/{key[0].name}" == spec.gateway
        ]
        for key in sorted(keys):
            resource = engine.value(emission.output, key)
            yield Published(
                type=kind,
                name=resource.name,
                version=resource.version,
                body=_as_json(resource.type_url, resource.body),
            )


def _as_json(type_url: str, body: bytes) -> dict[str, Any]:
    parsed = message(type_url.removeprefix(TYPE_URL_PREFIX)).FromString(body)
    if type_url.endswith(".Secret") and parsed.HasField("tls_certificate"):
        parsed.tls_certificate.private_key.inline_string = REDACTED
    return json_format.MessageToDict(
        parsed, preserving_proto_field_name=True, descriptor_pool=parsed.DESCRIPTOR.file.pool
    )
