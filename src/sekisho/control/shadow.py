"""What would be if policies in shadow counted: a second engine, for the time of one question."""

from sekisho.engine import Engine
from sekisho.translate.facts import ShadowKey


def shadow_engine(engine: Engine) -> Engine:
    """The same resources, and the policies labelled `sekisho.dev/effect: shadow` count.

    It computes only what it is asked for, and shares nothing that changes: it may be used in another thread.
    """
    second = Engine(())
    second.commit({**engine.leaves(), ShadowKey(): True})
    return second
