"""Delta ADS in few words: a script of what a proxy says and hears, and a proxy that plays by the rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from sekisho.protos import message
from sekisho.xds.delta import Chunk
from sekisho.xds.observer import Observer
from sekisho.xds.session import Session
from sekisho.xds.types import CLUSTER, ENDPOINTS, LISTENER, ROUTES, SCOPED_ROUTES, SECRET, Blob, Name
from sekisho.xds.view import View

SHORT = {
    "cds": CLUSTER,
    "eds": ENDPOINTS,
    "sds": SECRET,
    "lds": LISTENER,
    "srds": SCOPED_ROUTES,
    "rds": ROUTES,
}
LONG = {type_url: short for short, type_url in SHORT.items()}

Request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")
Response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")


def changes(**said: str) -> dict[Name, Blob | None]:
    """`changes(cds="a@1 -b")`: a at version 1, b removed."""
    found: dict[Name, Blob | None] = {}
    for short, items in said.items():
        for item in items.split():
            name, _, version = item.lstrip("-").partition("@")
            blob = None if item.startswith("-") else Blob(version, _body(short, name, version))
            found[Name(SHORT[short], name)] = blob
    return found


def _body(short: str, name: str, version: str) -> bytes:
    """Anything will do, but a scope is a scope: those are looked into when they are sent again."""
    if short != "srds":
        return f"{name}@{version}".encode()
    scope = message("envoy.config.route.v3.ScopedRouteConfiguration")(name=name)
    scope.route_configuration.name = f"{name}@{version}"
    return bytes(scope.SerializeToString())


def request(short: str, *names: str, drop: Iterable[str] = (), node: str = "", **fields: Any) -> Any:
    """A DeltaDiscoveryRequest; `held={"a": "1"}` are its initial_resource_versions."""
    made = Request(type_url=SHORT.get(short, short), resource_names_subscribe=names)
    made.resource_names_unsubscribe.extend(drop)
    made.initial_resource_versions.update(fields.get("held", {}))
    made.response_nonce = fields.get("nonce", "")
    if node:
        made.node.id = node
    if "error" in fields:
        made.error_detail.code = 13
        made.error_detail.message = fields["error"]
    return made


def said(response: Any) -> str:
    """`cds +a@1 -b`, in the order of the response."""
    short = LONG.get(response.type_url, response.type_url)
    parts = [f"+{resource.name}@{resource.version}" for resource in response.resources]
    return " ".join([short, *parts, *(f"-{name}" for name in response.removed_resources)])


def parsed(chunk: Chunk) -> Any:
    """The response in a chunk."""
    return Response.FromString(chunk.message[5:])


class Script:
    """One proxy's conversation, line by line; each line returns what the session sends."""

    def __init__(
        self, *views: View, observer: Observer | None = None, proxy: str = "p", now: float = 0
    ) -> None:
        self.views = views or (View("v"),)
        self.now = now
        self.session = Session(proxy, self.views, observer, now=now)
        self.open: dict[str, str] = {}
        """Nonces to be answered, by type."""

    def publish(self, index: int = 0, **items: str) -> list[str]:
        """A commit to one of the views."""
        self.views[index].commit(changes(**items))
        return self._heard(self.session.advance(self.now))

    def ask(
        self, short: str, *names: str, drop: Iterable[str] = (), held: Mapping[str, str] | None = None
    ) -> list[str]:
        """Subscribes; the first time with what the proxy holds."""
        return self._heard(
            self.session.received(request(short, *names, drop=drop, held=held or {}), self.now)
        )

    def ack(self, *shorts: str) -> list[str]:
        """Takes what was sent of these types, one after another."""
        heard = []
        for short in shorts:
            answer = request(short, nonce=self.open.pop(SHORT[short]))
            heard += self._heard(self.session.received(answer, self.now))
        return heard

    def nack(self, short: str, text: str = "no") -> list[str]:
        """Refuses it."""
        answer = request(short, nonce=self.open.pop(SHORT[short]), error=text)
        return self._heard(self.session.received(answer, self.now))

    def wait(self, seconds: float) -> list[str]:
        """Lets time pass."""
        self.now += seconds
        return self._heard(self.session.advance(self.now))

    def settle(self) -> list[str]:
        """Acknowledges until nothing is open. Returns everything heard."""
        heard = []
        while self.open:
            heard += self.ack(LONG[next(iter(self.open))])
        return heard

    def _heard(self, chunks: list[Chunk]) -> list[str]:
        for chunk in chunks:
            assert chunk.type_url not in self.open, "two responses of one type in flight"
            self.open[chunk.type_url] = chunk.nonce
        return [said(parsed(chunk)) for chunk in chunks]


class Proxy:
    """Applies deltas as the xDS protocol says, and may find resources bad.

    A response of scoped routes is refused whole when anything in it is bad; what stood in front of the bad
    one is noted without effect, and later ignored if the same bytes come again. Of other types the good part
    is applied. That is Envoy's behaviour.
    """

    def __init__(self, bad: Callable[[str, str, str], bool] = lambda *_: False) -> None:
        """`bad(short type, name, version)`."""
        self.held: dict[str, dict[str, str]] = {}
        self.wanted: dict[str, set[str]] = {}
        """Subscribed names by type; "*" is everything."""
        self.heard: list[str] = []
        self.inbox: list[Any] = []
        self._bad = bad
        self._noted: dict[str, bytes] = {}
        self._serial = count()

    def subscribe(self, short: str, *names: str, held: bool = True) -> Any:
        """The next request of a type; the first on a stream says what is held."""
        known = short in self.wanted
        self.wanted.setdefault(short, set()).update(names or {"*"})
        return request(short, *names, held={} if known or not held else self.held.get(short, {}))

    def unsubscribe(self, short: str, *names: str) -> Any:
        """Forgets what is not wanted any more, as the protocol demands."""
        wanted = self.wanted[short]
        wanted -= set(names)
        if "*" not in wanted:
            self.held[short] = {name: at for name, at in self.held.get(short, {}).items() if name in wanted}
        return request(short, drop=names)

    def reconnected(self) -> None:
        """The stream broke: what was on the way is lost, what is held stays."""
        self.inbox.clear()
        self.wanted = {}

    def answer(self) -> Any:
        """Applies the oldest response in the inbox and returns the ACK or NACK."""
        response = self.inbox.pop(0)
        self.heard.append(said(response))
        short = LONG[response.type_url]
        wanted, held = self.wanted.get(short, set()), self.held.setdefault(short, {})
        bad = [each.name for each in response.resources if self._bad(short, each.name, each.version)]
        if bad and short == "srds":
            self._note(response.resources, bad[0])
            return request(short, nonce=response.nonce, error=self._complaint(short, bad))
        for resource in response.resources:
            known = short == "srds" and self._noted.get(resource.name) == resource.resource.value
            if resource.name not in bad and wanted & {"*", resource.name} and not known:
                held[resource.name] = resource.version
                self._noted.pop(resource.name, None)
        for name in response.removed_resources:
            held.pop(name, None)
            if short == "srds":
                self._noted.pop(name, None)
        if bad:
            return request(short, nonce=response.nonce, error=self._complaint(short, bad))
        return request(short, nonce=response.nonce)

    def _note(self, resources: Iterable[Any], first_bad: str) -> None:
        for resource in resources:
            if resource.name == first_bad:
                return
            self._noted[resource.name] = resource.resource.value

    def _complaint(self, short: str, bad: list[str]) -> str:
        """Every other time the text names the culprits, as Envoy's does for some types."""
        if next(self._serial) % 2:
            return "Error adding/updating cluster(s) " + ", ".join(f"{name}: bad" for name in bad)
        return f"a bad {short} resource"


def versions(view: View, short: str) -> dict[str, str]:
    """What the view shows of a type."""
    log = view.log(SHORT[short])
    assert log is not None
    return {name: resource.version for name, resource in log.current.items()}


def chatter(proxy: Proxy, session: Session, now: float = 0) -> Iterator[Any]:
    """Lets both talk until nobody has anything to say; yields after each answer."""
    while proxy.inbox:
        proxy.inbox += [parsed(chunk) for chunk in session.received(proxy.answer(), now)]
        yield proxy
