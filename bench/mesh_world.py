"""A mesh for benchmarks: namespaces of ten services with two instances each, their permissions and policies.

A namespace lets itself in and the one before it, and says how long calls to its first service may take and
when those to its second are tried again. Every tenth namespace has times of its own for all its calls, and
operators have times, retries and limits for the whole mesh.
"""

from collections.abc import Iterator
from typing import Any

from tests.kit.objects import manifest

from sekisho.model.mesh import SYSTEM_NAMESPACE

Manifest = dict[str, Any]

SERVICES_OF_ONE = 10
"""Services of a namespace."""
INSTANCES = 2
PORT, TARGET = 80, 8080
CONSUMERS = 10
"""Every so many-th namespace has a policy for its own clients."""


def namespace(number: int) -> str:
    return f"n{number}"


def workload_name(service: int, instance: int) -> str:
    return f"s{service}-{instance}"


def namespace_of(service: int) -> str:
    """That of a service, by its number in the whole mesh."""
    return namespace(service // SERVICES_OF_ONE)


def mesh(services: int, *, open_to_all: bool = False) -> Iterator[Manifest]:
    """Everything. `open_to_all`: everybody may call everybody."""
    yield manifest("Mesh", "default")
    yield from operators()
    if open_to_all:
        yield permission("everybody", SYSTEM_NAMESPACE, {})
    namespaces = -(-services // SERVICES_OF_ONE)
    for number in range(namespaces):
        yield manifest("Namespace", namespace(number))
        yield from policies(number, namespaces, open_to_all=open_to_all)
    for number in range(services):
        yield service(number)
        for instance in range(INSTANCES):
            yield workload(number, instance)


def operators(request_timeout: str = "10s") -> Iterator[Manifest]:
    """What holds for the whole mesh."""
    yield mesh_timeout(request_timeout)
    yield policy(
        "Retry", "mesh", SYSTEM_NAMESPACE, {"kind": "Mesh"}, {"http": {"numRetries": 2, "retryOn": ["5xx"]}}
    )
    limits = {"connectionLimits": {"maxConnections": 2048, "maxPendingRequests": 2048}}
    yield policy("CircuitBreaker", "mesh", SYSTEM_NAMESPACE, {"kind": "Mesh"}, limits)


def mesh_timeout(request_timeout: str) -> Manifest:
    """The operators' Timeout for all calls."""
    times = {"connectionTimeout": "3s", "http": {"requestTimeout": request_timeout}}
    return policy("Timeout", "mesh", SYSTEM_NAMESPACE, {"kind": "Mesh"}, times)


def policies(number: int, namespaces: int, *, open_to_all: bool) -> Iterator[Manifest]:
    """What one namespace says."""
    own, first = namespace(number), number * SERVICES_OF_ONE
    if not open_to_all:
        before = namespace((number - 1) % namespaces)
        yield permission("callers", own, {"namespaces": [own, before]})
    called = {"kind": "Service", "name": f"s{first}"}
    yield policy("Timeout", "served", own, called, {"http": {"requestTimeout": "2s"}})
    called = {"kind": "Service", "name": f"s{first + 1}"}
    yield policy("Retry", "served", own, called, {"http": {"numRetries": 1, "retryOn": ["ConnectFailure"]}})
    if number % CONSUMERS == 0:
        yield policy("Timeout", "calls", own, {"kind": "Mesh"}, {"http": {"requestTimeout": "5s"}})


def permission(name: str, where: str, caller: Manifest) -> Manifest:
    """Lets a caller in, to all workloads of a namespace."""
    return manifest("TrafficPermission", name, where, spec={"rules": [{"default": {"allow": [caller]}}]})


def policy(kind: str, name: str, where: str, called: Manifest, default: Manifest) -> Manifest:
    """What a namespace's policy says of calls to a destination."""
    return manifest(kind, name, where, spec={"to": [{"targetRef": called, "default": default}]})


def service(number: int) -> Manifest:
    """Speaks HTTP; its virtual address is its number's, as the API would keep it."""
    spec = {
        "clusterIP": f"241.0.{number >> 8}.{number & 255}",
        "selector": {"app": f"s{number}"},
        "ports": [{"name": "http", "port": PORT, "targetPort": TARGET, "appProtocol": "http"}],
    }
    return manifest("Service", f"s{number}", namespace_of(number), spec=spec)


def real_workload(number: int) -> Manifest:
    """The first instance of a service as this host runs it: a loopback address, and nothing captured."""
    written = workload(number, 0)
    spec = {
        **written["spec"],
        "address": f"127.0.20.{number + 1}",
        "sidecar": {"outboundAddresses": f"127.{100 + number}.0.0/16"},
    }
    del spec["readinessProbe"]
    return {**written, "spec": spec}


def workload(number: int, instance: int, *, ready: bool = True) -> Manifest:
    """An instance with a sidecar that captures, and a probe; `ready`: what its agent said of it last."""
    spec = {
        "address": f"10.{instance + 1}.{number >> 8}.{number & 255}",
        "serviceAccountName": f"s{number}",
        "ports": [{"name": "http", "port": TARGET, "appProtocol": "http"}],
        "sidecar": {"capture": "Redirect"},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": TARGET}},
    }
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return manifest(
        "Workload", workload_name(number, instance), namespace_of(number),
        labels={"app": f"s{number}"}, spec=spec, status={"conditions": [condition]},
    )  # fmt: skip
