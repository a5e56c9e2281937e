"""What would be if policies in shadow counted: a second engine, for the time of one question."""

from collections.abc import Mapping
from typing import Any

from sekisho.client.reviews import ConfigDump, ConfigDumpSpec
from sekisho.control.config_dump import config_dump
from sekisho.control.worlds import Worlds
from sekisho.engine import Engine
from sekisho.envoy.outputs import EMISSIONS
from sekisho.translate.facts import ShadowKey
from sekisho.translate.outputs import MEMBERS


def shadow_engine(engine: Engine) -> Engine:
    """The same resources, and the policies labelled `sekisho.dev/effect: shadow` count.

    It computes only what it is asked for, and shares nothing that changes: it may be used in another thread.
    """
    second = Engine(())
    second.commit(_with_shadows(engine.leaves()))
    return second


def shadow_dump(leaves: Mapping[Any, Any], spec: ConfigDumpSpec) -> ConfigDump:
    """What proxies would be given, by the leaves of an engine. All is translated anew: seconds, for thousands
    of services; it may be done in another thread."""
    second = Engine([*(emission.output for emission in EMISSIONS), MEMBERS])
    changes = second.commit(_with_shadows(leaves))
    worlds = Worlds()
    worlds.changes(changes.outputs)
    return config_dump(second, worlds, spec)


def _with_shadows(leaves: Mapping[Any, Any]) -> dict[Any, Any]:
    return {**leaves, ShadowKey(): True}
