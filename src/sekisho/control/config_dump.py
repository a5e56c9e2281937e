"""`sekisho config-dump`: what the proxies of a Gateway or Workload are given: JSON without private keys."""

from collections.abc import Iterator
from typing import Any

import msgspec
from google.protobuf import json_format

from sekisho.client.reviews import ConfigDump, ConfigDumpSpec, Published
from sekisho.control.worlds import Worlds
from sekisho.engine import Engine
from sekisho.envoy.outputs import EMISSIONS
from sekisho.envoy.resource import TYPE_URL_PREFIX, Resource
from sekisho.ir.agent import HOSTNAME_TYPE, SIDECAR_TYPE
from sekisho.model.names import ResourceId
from sekisho.protos import message
from sekisho.translate.facts import ViewKey
from sekisho.translate.mesh.sight import world_of
from sekisho.translate.mesh.worlds import World

REDACTED = "[redacted]"

SHORT_NAMES = {
    "Cluster": "cluster",
    "ClusterLoadAssignment": "endpoints",
    "Secret": "secret",
    "Listener": "listener",
    "ScopedRouteConfiguration": "scope",
    "RouteConfiguration": "routes",
    "Hostname": "hostname",
    "Sidecar": "sidecar",
}


def config_dump(engine: Engine, worlds: Worlds, spec: ConfigDumpSpec) -> ConfigDump:
    """The published resources of one Gateway or Workload (`namespace/name`), all or of one type, by type and
    name."""
    found = [one for view in _views(engine, spec) for one in _resources(engine, worlds, view)]
    wanted = [one for one in found if spec.type in ("", _short(one.type_url))]
    wanted.sort(key=lambda one: (_ORDER.index(_short(one.type_url)), one.name))
    return ConfigDump(resources=tuple(map(_published, wanted)))


_ORDER = tuple(SHORT_NAMES.values())


def _short(type_url: str) -> str:
    return SHORT_NAMES[type_url.rpartition(".")[2]]


def _views(engine: Engine, spec: ConfigDumpSpec) -> Iterator[ViewKey]:
    kind, owner = ("Workload", spec.workload) if spec.workload else ("Gateway", spec.gateway)
    namespace, _, name = owner.partition("/")
    id_ = ResourceId(kind, namespace, name)
    yield id_
    if kind == "Workload" and (world := world_of(engine.read, id_)) is not None:
        yield world


def _resources(engine: Engine, worlds: Worlds, view: ViewKey) -> Iterator[Resource]:
    for emission in EMISSIONS:
        if not emission.is_shared:
            for key in engine.keys(emission.output):
                if emission.view(key) == view:
                    yield engine.value(emission.output, key)
    if isinstance(view, World):
        yield from (resource for _, resource in worlds.resources(view))


def _published(resource: Resource) -> Published:
    return Published(
        type=_short(resource.type_url),
        name=resource.name,
        version=resource.version,
        body=_as_json(resource.type_url, resource.body),
    )


def _as_json(type_url: str, body: bytes) -> dict[str, Any]:
    if type_url in (HOSTNAME_TYPE, SIDECAR_TYPE):
        told: dict[str, Any] = msgspec.json.decode(body)
        return told
    parsed = message(type_url.removeprefix(TYPE_URL_PREFIX)).FromString(body)
    if type_url.endswith(".Secret") and parsed.HasField("tls_certificate"):
        parsed.tls_certificate.private_key.inline_string = REDACTED
    return json_format.MessageToDict(
        parsed, preserving_proto_field_name=True, descriptor_pool=parsed.DESCRIPTOR.file.pool
    )
