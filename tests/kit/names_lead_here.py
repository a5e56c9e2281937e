"""`sekisho` where names may lead to loopback addresses: run as `python -m tests.kit.names_lead_here`.

The loopback is all that names can lead to in a test. Everything else is looked at as anywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from sekisho.cli import main
from sekisho.envoy import clusters, guard


@contextmanager
def names_may_lead_here() -> Iterator[None]:
    """The same within this process."""
    others = tuple(one for one in guard.SPECIAL_RANGES if one[0] not in {"127.0.0.0", "::"})
    with mock.patch.object(guard, "SPECIAL_RANGES", others):
        clusters._kind.cache_clear()
        yield
    clusters._kind.cache_clear()


if __name__ == "__main__":
    with names_may_lead_here():
        main()
