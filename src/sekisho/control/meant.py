"""What somebody may have meant who named something that does not exist."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from msgspec.structs import replace

from sekisho.client.system_status import Trouble
from sekisho.kit.text import did_you_mean
from sekisho.model.names import ResourceId

OfKind = Callable[[str], Iterable[ResourceId]]
"""All there are of a kind."""
MOST = 20
"""Names that are looked for at once, each among all of its kind: so are the first ones of more mistakes."""
_MISSING = re.compile(r"(?P<kind>[A-Z]\w*)/(?:(?P<namespace>[^/\s]+)/)?(?P<name>[^/\s]+) does not exist")


def with_what_was_meant(troubles: Iterable[Trouble], of_kind: OfKind) -> Iterator[Trouble]:
    """The same, with `(did you mean "web"?)` where the message says that something does not exist and there
    is one of its kind and namespace with a name like that."""
    looked_up: dict[ResourceId, str] = {}
    for trouble in troubles:
        message = _MISSING.sub(partial(_completed, looked_up=looked_up, of_kind=of_kind), trouble.message)
        yield trouble if message == trouble.message else replace(trouble, message=message)


def _completed(found: re.Match[str], *, looked_up: dict[ResourceId, str], of_kind: OfKind) -> str:
    named = ResourceId(found["kind"], found["namespace"] or "", found["name"])
    if named not in looked_up and len(looked_up) < MOST:
        like = (one.name for one in of_kind(named.kind) if one.namespace == named.namespace)
        looked_up[named] = did_you_mean(named.name, like)
    hint = looked_up.get(named)
    return f"{found[0]} ({hint})" if hint else found[0]
