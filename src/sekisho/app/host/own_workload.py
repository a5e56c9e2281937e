"""The workload of an agent that runs for one alone, as its command line describes it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NamedTuple

CAPTURES = {"none": "None", "redirect": "Redirect", "tproxy": "TransparentProxy"}
"""Values of `--capture`, and what they are called in a Workload."""
LARGEST_PORT = 0xFFFF
_NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_PORT = r"([a-z0-9-]{1,15})=([0-9]{1,5})(?::([0-9]{1,5}))?"


class OwnPort(NamedTuple):
    """A port of the workload: `http=8080:9000`."""

    name: str
    port: int
    """That others call."""
    target: int
    """That the application listens on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWorkload:
    """All of it. Without an address it is what its Workload in the API says."""

    namespace: str
    name: str
    address: str = ""
    """Where others reach it."""
    ports: tuple[OwnPort, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    account: str = ""
    """Service account; empty for `default`."""
    capture: str = "None"
    """None, Redirect, TransparentProxy; the latter two need root and a network namespace."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def captures(self) -> bool:
        """Whether the kernel is to hand over connections."""
        return self.capture != "None"

    def manifest(self) -> Mapping[str, Any]:
        """The Workload that describes it."""
        ports = [{"name": port.name, "port": port.port, "targetPort": port.target} for port in self.ports]
        account = {"serviceAccountName": self.account} if self.account else {}
        return {
            "apiVersion": "sekisho.dev/v1alpha1",
            "kind": "Workload",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": dict(self.labels)},
            "spec": {
                "address": self.address,
                "ports": ports,
                "sidecar": {"capture": self.capture},
                **account,
            },
        }


def parse(
    text: str,
    *,
    address: str = "",
    ports: Sequence[str] = (),
    labels: Sequence[str] = (),
    account: str = "",
    capture: str = "none",
) -> OwnWorkload:
    """What the flags say; `text` is `<namespace>/<name>`. Raises ValueError, naming the flag."""
    namespace, slash, name = text.partition("/")
    if not slash or not re.fullmatch(_NAME, namespace) or not re.fullmatch(_NAME, name):
        raise ValueError(f"--workload: {text!r} is not <namespace>/<name>")
    if capture not in CAPTURES:
        raise ValueError(f"--capture: {capture!r} is not one of {', '.join(CAPTURES)}")
    return OwnWorkload(
        namespace=namespace,
        name=name,
        address=_ip_address(address) if address else "",
        ports=tuple(map(_port, ports)),
        labels=tuple(map(_label, labels)),
        account=account,
        capture=CAPTURES[capture],
    )


def _ip_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as cause:
        raise ValueError(f"--address: {text!r} is not an IP address") from cause


def _port(text: str) -> OwnPort:
    """`http=8080:9000`, or `http=8080` for an application that listens on the same port."""
    found = re.fullmatch(_PORT, text)
    numbers = [int(number) for number in found.groups()[1:] if number] if found else []
    if not found or not all(0 < number <= LARGEST_PORT for number in numbers):
        raise ValueError(f"--port: {text!r} is not like http=8080:9000, name=port:port of the application")
    return OwnPort(found[1], numbers[0], numbers[-1])


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ValueError(f"--label: {text!r} is not like app=catalog")
    return key, value
