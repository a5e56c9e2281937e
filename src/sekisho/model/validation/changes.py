"""What may not change once it was written."""

from collections.abc import Iterator
from typing import TypeAlias

from sekisho.model.core import ConfigMap, Secret, Service
from sekisho.model.gateway import GatewayClass
from sekisho.model.ingress import IngressClass
from sekisho.model.meta import Resource
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.workload import Workload
from sekisho.model.xmesh import XMesh

_Class: TypeAlias = GatewayClass | XMesh | IngressClass
_HINT = "delete the resource and create it anew"


def problems(old: Resource, new: Resource) -> Iterator[Problem]:
    """Changes from `old` to `new` that are refused."""
    match old, new:
        case (GatewayClass() | XMesh() | IngressClass(), GatewayClass() | XMesh() | IngressClass()):
            yield from _controller(old, new)
        case Service(), Service() if _has_address(old) and _has_address(new):
            if old.spec.cluster_ip != new.spec.cluster_ip:
                yield _never("spec.clusterIP", "can never change")
        case Secret(), Secret():
            if old.type != new.type:
                yield _never("type", "can never change")
            if old.immutable and (old.data != new.data or not new.immutable):
                yield _never("data", "can never change, because the Secret is immutable")
        case ConfigMap(), ConfigMap() if old.immutable and not _alike(old, new):
            yield _never("data", "can never change, because the ConfigMap is immutable")
        case Workload(), Workload() if old.spec.sidecar is not None and new.spec.sidecar is None:
            yield _never(
                "spec.sidecar", "cannot be taken away: it would be called in plain text from then on"
            )


def _controller(old: _Class, new: _Class) -> Iterator[Problem]:
    """Who serves a class is for good."""
    field = "controller" if isinstance(old, IngressClass) else "controllerName"
    if _controller_of(old) != _controller_of(new):
        yield _never(f"spec.{field}", "can never change")


def _controller_of(one: _Class) -> str:
    return one.spec.controller if isinstance(one, IngressClass) else one.spec.controller_name


def _alike(old: ConfigMap, new: ConfigMap) -> bool:
    return bool(new.immutable) and (old.data, old.binary_data) == (new.data, new.binary_data)


def _has_address(service: Service) -> bool:
    """Whether it has (or, as a headless one, decidedly has not) a virtual address."""
    return bool(service.spec.cluster_ip) and service.spec.type != "ExternalName"


def _never(path: str, message: str) -> Problem:
    return Problem(path, message, _HINT, Reason.FORBIDDEN)
