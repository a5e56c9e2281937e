"""Law: what `explain` and the simulator say of a call is what a real Envoy does with it.

Route tables and calls are drawn from a small vocabulary, so that they collide: the same hosts, paths, headers
and parameters over and over, in every spelling a client may think of. One Envoy lives through all of them and
gets each table over xDS. `SEKISHO_EXPLAIN_EXAMPLES` is the number of tables (30), each asked 16 calls.
"""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.kit.echo import serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.objects import endpoint_slice, gateway, gateway_class, http_listener, manifest, route, service
from tests.kit.site import Site
from tests.kit.site_envoy import SiteEnvoy, running_site
from tests.kit.wait import eventually

from sekisho.client.reviews import ExplanationSpec
from sekisho.control.explain import explain
from sekisho.ir.calls import Answered, Call, Refused, Sent, Target, Verdict
from sekisho.ir.simulator import edited

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

EXAMPLES = int(os.environ.get("SEKISHO_EXPLAIN_EXAMPLES", "30"))
CALLS = 16

HOSTNAMES = ["", "shop.test", "*.shop.test", "*.test", "a.shop.test", "*.iso.test", "x.iso.test"]
HOSTS = [
    "shop.test", "a.shop.test", "b.a.shop.test", "SHOP.Test", "A.shop.TEST", "shop.test:8080", "Shop.test:1",
    "shop.test.", "a.shop.test.:8080", "other.test", "x.iso.test", "Y.iso.test:80", "iso.test", "example.org",
    "127.0.0.1", "[::1]:8080", "test", "~wild", "shop.test,other.test", "shop.test:80,other.test",
    "x.shop.test,y", "b.shop.test:8080,b",
]  # fmt: skip
PLAIN_PATHS = ["/", "/a", "/a/", "/a/b", "/A", "/ab", "/a/b/c", "/%7Ea", "/a%20b", "/~a", "/c;d=1", "/a.b"]
PATTERNS = ["/a.*", "/[ab]+", ".*b", "/", "/(a|c).*", "/a/[^/]+"]
PIECES = [
    "..;x", ".;", "%2e%2e;", "..;..", "\\..;\\",
    "a", "b", "c", "A", "ab", "..", ".", "", "%2e%2e", "%2E", ".%2e", "%2F", "%5c", "%61", "%7E", "~a",
    "a%20b", "..;", "c;d=1", "%252e", "%252F", "%c3%a9", "%zz", "%", "{x}", "a|b", 'a"b', "\\", "..\\", "*",
    "%00", "#f", "[", "^", "`", "<", ">", "'", "%2", "%41%42", "@:!$&()+,=", "%3F", "%3b", "a.b",
    "%C0%AE", "...",
]  # fmt: skip
QUERIES = [
    "", "?", "?q=1", "?q=2", "?q=1&q=2", "?q=2&q=1", "?Q=1", "?q", "?q=", "?q=%31", "?z=0&q=1", "?&q=1",
    "?q=1=1", "?q=1?q=2", "?p=/../a%2F", "?=1&q=1", "?q=1;q=2",
]  # fmt: skip
VALUES = ["1", "2", "1,2", "", "11"]


def any_of(values: Iterable[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(list(values))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=1)


def named(names: list[str], values: list[str]) -> st.SearchStrategy[list[dict[str, str]]]:
    """Matches of headers or query parameters."""
    one = st.fixed_dictionaries({"name": any_of(names), "value": any_of(values)})
    regex = st.fixed_dictionaries(
        {"name": any_of(names), "type": st.just("RegularExpression"), "value": any_of(["1.*", "[12]", ".*"])}
    )
    return st.lists(one | regex, max_size=2, unique_by=lambda match: match["name"])


PATH_MATCHES = st.one_of(
    st.fixed_dictionaries({"type": st.just("PathPrefix"), "value": any_of(PLAIN_PATHS)}),
    st.fixed_dictionaries({"type": st.just("Exact"), "value": any_of(PLAIN_PATHS)}),
    st.fixed_dictionaries({"type": st.just("RegularExpression"), "value": any_of(PATTERNS)}),
)
MATCHES = st.fixed_dictionaries(
    {"path": PATH_MATCHES},
    optional={
        "method": any_of(["GET", "POST", "OPTIONS"]),
        "headers": named(["X-A", "x-b", "Host", "Origin"], ["1", "2", "1,2", "shop.test", "shop.test:8080"]),
        "queryParams": named(["q", "z"], ["1", "2", "0", "1=1", "1?q=2"]),
    },
)
EDITS = st.fixed_dictionaries(
    {},
    optional={
        "set": any_of([[{"name": "X-A", "value": "set"}], [{"name": "x-new", "value": "100%"}]]),
        "add": any_of([[{"name": "x-a", "value": "more"}], [{"name": "X-B", "value": "%REQ(host)%"}]]),
        "remove": any_of([["x-b"], ["X-C"], ["x-a", "x-c"]]),
    },
)
PATH_REWRITES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("ReplaceFullPath"), "replaceFullPath": any_of(["/", "/new", "/n/%25", r"/\1"])}
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("ReplacePrefixMatch"),
            "replacePrefixMatch": any_of(["/", "/new", "/new/", "", "/a"]),
        }
    ),
)
REDIRECTS = st.fixed_dictionaries(
    {},
    optional={
        "scheme": any_of(["http", "https"]),
        "hostname": any_of(["there.test", "shop.test"]),
        "port": any_of([80, 443, 8443, 8080]),
        "path": PATH_REWRITES,
        "statusCode": any_of([301, 302, 303, 307, 308]),
    },
)
REWRITES = st.fixed_dictionaries({}, optional={"hostname": st.just("inside.test"), "path": PATH_REWRITES})
CORS = st.fixed_dictionaries(
    {"allowOrigins": any_of([["*"], ["https://a.test"], ["https://*.test", "http://b.test"]])},
    optional={
        "allowMethods": any_of([["*"], ["GET", "PUT"]]),
        "allowHeaders": any_of([["*"], ["x-a", "X-B"]]),
        "exposeHeaders": any_of([["*"], ["x-c"]]),
        "allowCredentials": st.booleans(),
        "maxAge": any_of([1, 600]),
    },
)


def filter_(type_: str, field: str, content: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"type": st.just(type_), field: content})


EDIT_FILTERS = [
    maybe(filter_("RequestHeaderModifier", "requestHeaderModifier", EDITS)),
    maybe(filter_("ResponseHeaderModifier", "responseHeaderModifier", EDITS)),
]
BACKENDS = st.fixed_dictionaries(
    {"name": any_of(["one", "two", "one", "two", "empty", "missing"]), "port": st.just(80)},
    optional={
        "weight": any_of([0, 1, 5]),
        "filters": st.tuples(*EDIT_FILTERS).map(lambda both: [*both[0], *both[1]]),
    },
)


@st.composite
def rules(draw: Any) -> dict[str, Any]:
    matches = draw(st.lists(MATCHES, min_size=1, max_size=2))
    filters = [*draw(EDIT_FILTERS[0]), *draw(EDIT_FILTERS[1]), *draw(maybe(filter_("CORS", "cors", CORS)))]
    rule: dict[str, Any] = {"matches": matches}
    if draw(st.integers(0, 2)) == 0:
        filters.append(draw(filter_("RequestRedirect", "requestRedirect", REDIRECTS)))
    else:
        rule["backendRefs"] = draw(st.lists(BACKENDS, max_size=2))
        filters += draw(maybe(filter_("URLRewrite", "urlRewrite", REWRITES)))
    if "replacePrefixMatch" in str(filters):  # the API wants exactly one match then, of a prefix
        rule["matches"] = [matches[0] | {"path": {"type": "PathPrefix", "value": draw(any_of(PLAIN_PATHS))}}]
    return rule | {"filters": filters}


@st.composite
def tables(draw: Any) -> list[dict[str, Any]]:
    """HTTPRoutes."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        names = [name for name in draw(st.lists(any_of(HOSTNAMES), max_size=2, unique=True)) if name]
        spec = {
            "parentRefs": [{"name": "web"}],
            "hostnames": names,
            "rules": draw(st.lists(rules(), min_size=1, max_size=3)),
        }
        found.append(manifest("HTTPRoute", f"r{number}", spec=spec))
    return found


REPEATED = [
    [(name, first), (name, second)]
    for name in ("X-A", "x-b", "Origin")
    for first, second in (("1", "2"), ("2", "1"), ("1", "11"), ("1,2", "2"))
]
HEADERS = st.lists(
    st.one_of(
        st.tuples(any_of(["X-A", "x-b", "x-c"]), any_of(VALUES)),
        st.tuples(
            st.just("Origin"), any_of(["https://a.test", "http://b.test", "null", "https://a.test.evil"])
        ),
        st.tuples(st.just("Access-Control-Request-Method"), any_of(["PUT", "GET", ""])),
        st.tuples(st.just("Access-Control-Request-Headers"), any_of(["x-a", "x-y,x-z"])),
        st.tuples(st.just("X-Echo-Set-Header"), any_of(["x-a:1", "x-b:2", "x-c:3"])),
    ),
    max_size=4,
) | any_of(
    [
        *REPEATED,
        [("x_a", "1")],
        [("x-envoy-attempt-count", "8080|shop.test")],
        [("x-forwarded-host", "shop.test")],
    ]
)
PATHS = any_of(PLAIN_PATHS) | st.lists(any_of(PIECES), min_size=1, max_size=4).map(
    lambda p: "/" + "/".join(p)
)
PREFLIGHT = any_of(
    (("Origin", origin), ("Access-Control-Request-Method", "PUT"), *headers)
    for origin in ("https://a.test", "http://b.test", "https://x.y.test", "https://evil.example")
    for headers in ((), (("Access-Control-Request-Headers", "x-y"),))
)
CALLS_ = st.builds(
    lambda host, path, query, headers: (host, path + query, "OPTIONS", headers),
    any_of(HOSTS), any_of(PLAIN_PATHS), any_of(QUERIES), PREFLIGHT,
) | st.builds(
    lambda host, path, query, method, headers: (host, path + query, method, tuple(headers)),
    any_of(HOSTS), PATHS, any_of(QUERIES), any_of(["GET", "GET", "POST", "OPTIONS"]), HEADERS,
)  # fmt: skip


class Seen(NamedTuple):
    """What both sides can tell of a call."""

    status: int
    location: str = ""
    backend: str = ""
    path: str = ""
    host: str = ""
    request_headers: tuple[tuple[str, str], ...] = ()
    response_headers: tuple[tuple[str, str], ...] = ()


WATCHED = ("x-a", "x-b", "x-c", "x-new")
WATCHED_IN_ANSWERS = (*WATCHED, *(f"access-control-{name}" for name in (
    "allow-origin", "allow-methods", "allow-headers", "allow-credentials", "expose-headers", "max-age"
)))  # fmt: skip


def joined(headers: Iterable[tuple[str, str]], names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return tuple((name, ",".join(found[name])) for name in names if name in found)


def said(verdict: Verdict, call: Call) -> set[Seen]:
    """What the simulator allows for: a target of each share."""
    match verdict.outcome:
        case Refused():
            return set()
        case Answered(status=status, location=location, headers=headers):
            return {Seen(status, location, response_headers=joined(headers, WATCHED_IN_ANSWERS))}
        case Sent() as sent:
            return {_said_of(target, sent, call) for target in sent.targets}


def _said_of(target: Target, sent: Sent, call: Call) -> Seen:
    headers = tuple(
        tuple(value.split(":"))
        for name, value in call.headers
        if name == "x-echo-set-header" and not target.status
    )
    for edits in target.response_edits:
        headers = edited(headers, edits)
    answer = joined([*headers, *sent.headers], WATCHED_IN_ANSWERS)
    if target.status:
        return Seen(target.status, response_headers=answer)
    backend = (target.share.cluster or "").split("/")[1]
    return Seen(200, "", backend, sent.path, sent.host, joined(target.headers, WATCHED), answer)


def done(answer: Answer) -> Seen:
    headers = joined(answer.headers, WATCHED_IN_ANSWERS)
    location = answer.header("location") or ""
    if not answer.body.startswith(b"{"):
        return Seen(answer.status, location, response_headers=headers)
    content = answer.json()
    received = [(name, value) for name, values in content["headers"].items() for value in values]
    return Seen(
        answer.status, location, content["pod"], content["path"], content["host"],
        joined(received, WATCHED), headers,
    )  # fmt: skip


class Rig:
    """One Envoy and the site it serves."""

    def __init__(self, site: Site, served: SiteEnvoy) -> None:
        self.site = site
        self.served = served
        self.tables = 0

    async def load(self, routes: list[dict[str, Any]]) -> None:
        """Returns when Envoy's worker answers by this table."""
        self.tables += 1
        path = {"type": "ReplaceFullPath", "replaceFullPath": f"/{self.tables}"}
        ready = route("ready", "ready.probe")
        ready["spec"]["rules"] = [
            {"filters": [{"type": "RequestRedirect", "requestRedirect": {"path": path}}]}
        ]
        await self.served.publish(self.site.replace("HTTPRoute", [anchor(), ready, *routes]))

        async def answers() -> bool:
            answer = await fetch(self.served.sockets[8080], "ready.probe")
            return (answer.header("location") or "").endswith(f"/{self.tables}")

        await eventually(answers, what="the worker has the new table")

    async def ask(self, call: Call) -> Answer:
        port = self.served.sockets[call.port]
        return await fetch(port, call.host, call.path, method=call.method, headers=call.headers)


def anchor() -> dict[str, Any]:
    """Keeps every cluster in use, so that only routes change."""
    refs = [{"name": name, "port": 80} for name in ("one", "two", "empty")]
    return manifest(
        "HTTPRoute",
        "anchor",
        spec={
            "parentRefs": [{"name": "web"}],
            "hostnames": ["anchor.probe"],
            "rules": [{"backendRefs": refs}],
        },
    )


@asynccontextmanager
async def running_rig(folder: Path) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        echoes = [await stack.enter_async_context(serving_echo(name)) for name in ("one", "two")]
        listeners = [http_listener(), http_listener("isolated", hostname="*.iso.test")]
        site = Site()
        changes = site.apply(
            manifest("Namespace", "shop"),
            gateway_class(),
            gateway("web", *listeners),
            *(service(name) for name in ("one", "two", "empty")),
            *(endpoint_slice(echo.pod, "127.0.0.1", port=echo.port) for echo in echoes),
        )
        served = SiteEnvoy()
        await served.publish(changes)
        await stack.enter_async_context(running_site(folder, served))
        await served.listening()
        yield Rig(site, served)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with running_rig(tmp_path_factory.mktemp("explain")) as running:
        yield running


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # the one call that differs says enough
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)
@given(table=tables(), calls=st.lists(CALLS_, min_size=CALLS, max_size=CALLS))
async def test_what_is_said_of_a_call_is_what_envoy_does(rig: Rig, table: Any, calls: Any) -> None:
    await rig.load(table)
    for host, path, method, headers in calls:
        lowered = tuple((name.lower(), value) for name, value in headers)
        call = Call(host=host, port=8080, path=path, method=method, headers=lowered)
        verdict = rig.site.verdict(call)
        seen = done(await rig.ask(call))
        assert seen in said(verdict, call), (call, verdict.route)
        assert agrees(rig.site, call, seen), (call, verdict.route)


def agrees(site: Site, call: Call, seen: Seen) -> bool:
    """Whether `explain`, asked as a user asks, tells the same."""
    if "#" in call.path:
        return True  # no client sends what comes after it
    url = f"http://gateway:{call.port}{call.path}"
    headers = (("Host", call.host), *call.headers)
    spec = ExplanationSpec(url=url, method=call.method, headers=headers)
    outcome = explain(site.engine, site.served(), spec).outcome
    if seen.backend:
        return outcome.startswith("forwarded") and f"/{seen.backend}/" in outcome
    return str(seen.status) in outcome
