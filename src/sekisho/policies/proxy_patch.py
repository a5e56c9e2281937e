"""ProxyPatch: changes to Envoy's own messages, in the order in which they are made."""

from collections.abc import Iterator
from typing import Any

import msgspec

from sekisho.ir.patches import Patch, PatchTarget
from sekisho.model.names import Origin
from sekisho.model.policies.proxy_patch import Modification, ProxyPatchDefault
from sekisho.model.policies.proxy_patch import Patch as WrittenPatch

_FIELDS: tuple[tuple[str, PatchTarget], ...] = (
    ("cluster", "cluster"),
    ("listener", "listener"),
    ("network_filter", "networkFilter"),
    ("http_filter", "httpFilter"),
    ("virtual_host", "virtualHost"),
)


def patches(conf: ProxyPatchDefault, origins: tuple[tuple[str, Origin], ...]) -> tuple[Patch, ...]:
    """All modifications, each with the place it was written at."""
    known = dict(origins)
    return tuple(
        patch
        for index, modification in enumerate(conf.append_modifications or ())
        for patch in _patches(modification, known[f"appendModifications[{index}]"])
    )


def _patches(modification: Modification, origin: Origin) -> Iterator[Patch]:
    for field, target in _FIELDS:
        asked: WrittenPatch | None = getattr(modification, field)
        if asked is not None:
            yield Patch(
                target=target,
                operation=asked.operation,
                side=asked.match.origin or "",
                name=asked.match.name or "",
                listener=asked.match.listener_name or "",
                routes=asked.match.route_configuration_name or "",
                value=_json(asked.value),
                steps=_json(_steps(asked)),
                origin=origin,
            )


def _steps(asked: WrittenPatch) -> list[dict[str, Any]] | None:
    """Without the fields an operation does not have: JSON null is a value."""
    if asked.json_patches is None:
        return None
    return [
        {
            "op": step.op,
            "path": step.path,
            **({"from": step.from_} if step.from_ is not None else {}),
            **({"value": step.value} if step.op in ("add", "replace", "test") else {}),
        }
        for step in asked.json_patches
    ]


def _json(value: Any) -> bytes:
    return b"" if value is None else msgspec.json.encode(value, order="sorted")
