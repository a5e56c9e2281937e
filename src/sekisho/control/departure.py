"""A call as it leaves the proxy of whoever makes it."""

from typing import NamedTuple

from sekisho import ir
from sekisho.control.clients import Client
from sekisho.ir.calls import Call
from sekisho.translate.mesh.names import Destination


class Departure(NamedTuple):
    """What decides where it arrives."""

    client: Client
    cluster: ir.Cluster
    """By which the client's proxy sends it."""
    destination: Destination
    call: Call | None
    """The request as that proxy sends it; None for other bytes."""
    shadow: bool
    """As if what is in shadow counted."""
