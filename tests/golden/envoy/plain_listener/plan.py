"""A port with plain HTTP: one chain, whose routes come by scope."""

from tests.kit.gateway import plain_listener
from tests.kit.static import Plan

PLAN = Plan(listeners=(plain_listener(8080),))
