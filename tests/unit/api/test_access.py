"""Who gets in, and to what."""

import random
import string
from itertools import product

import pytest
from structlog.testing import capture_logs

from sekisho.aio.repeats import EVERY
from sekisho.api import About, Limits
from sekisho.api.authentication import MAX_TOKEN_BYTES, bearer_token
from sekisho.api.authorization import READ, SURFACE_RULES, Surface, Verb
from sekisho.api.routing import PAGES, Page, Target
from sekisho.model.kinds import KINDS

from .harness import ROUTES, SERVICES, USERS, Api, Factory, route

SECRETS = "/api/v1/namespaces/default/secrets"
PATHS = [
    *(f"/{path}" for path in PAGES),
    "/apis/gateway.networking.k8s.io",
    "/apis/gateway.networking.k8s.io/v1",
    "/openapi/v3/api/v1",
    ROUTES,
    "/api/v1/namespaces/default/configmaps",
    "/nowhere",
    "/apis/sekisho.dev/v1alpha1/certificaterequests",
]


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_token_every_path_but_the_probes_is_401_and_says_nothing(api: Api, path: str) -> None:
    for headers in (
        {"authorization": ""},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic YTpi"},
    ):
        answer = await api.call("GET", path, **headers)
        if path in {"/livez", "/readyz"}:
            assert (answer.status_code, answer.text) == (200, "ok")
        else:
            assert answer.status_code == 401
            assert answer.json()["message"] == "Unauthorized"
            assert "details" not in answer.json()


def test_every_path_has_an_entry_in_the_table(api: Api) -> None:
    """Whatever the router finds is a page of a surface with a rule, or a resource asked of the table."""
    for page in PAGES.values():
        assert page.surface in SURFACE_RULES
    assert set(SURFACE_RULES) == set(Surface)
    for entry in api.app.catalogue.entries:
        for version in entry.versions:
            found = api.app.router.find(
                f"/apis/{entry.group}/{version}/{entry.plural}"
                if entry.group
                else f"/api/{version}/{entry.plural}"
            )
            assert isinstance(found, Target)
            assert found.entry is entry
    assert isinstance(api.app.router.find("/openapi/v3/apis/x/y"), Page)


@pytest.mark.parametrize("role", ["admin", "agent", "proxy", "join", "reader", "nobody"])
def test_the_whole_matrix_of_rights_is_as_written_down_here(api: Api, role: str) -> None:
    kinds = [*KINDS, "CustomResourceDefinition", "CertificateRequest"]
    allowed = {
        (verb, kind, subresource)
        for verb, kind, subresource in product(Verb, kinds, ("", "status"))
        if api.app.table.allows(USERS[role].roles, verb, kind, subresource)
    }
    everything = set(product(Verb, kinds, ("", "status")))
    expected = {
        "admin": everything,
        "agent": set(product(READ, ("Gateway", "GatewayClass", "Workload"), ("",)))
        | {(Verb.CREATE, "CertificateRequest", "")},
        "reader": {each for each in everything if each[0] in READ and each[1] != "Secret"},
        "proxy": set(),
        "join": set(),
        "nobody": set(),
    }
    assert allowed == expected[role]


@pytest.mark.parametrize("role", ["agent", "proxy", "join", "reader"])
def test_agents_may_do_more_to_the_objects_of_their_own_proxies_and_nobody_else(api: Api, role: str) -> None:
    table, roles = api.app.table, frozenset({role})
    more = {
        (verb, kind, subresource)
        for verb, kind, subresource in product(Verb, KINDS, ("", "status"))
        if table.allows(roles, verb, kind, subresource, own=True)
        and not table.allows(roles, verb, kind, subresource)
    }
    own = set(product((Verb.GET, Verb.UPDATE, Verb.PATCH), ("Workload",), ("", "status")))
    expected = {"agent": own - {(Verb.GET, "Workload", "")}, "proxy": own}
    assert more == expected.get(role, set())


async def test_rights_hold_on_every_verb_and_surface(api: Api) -> None:
    await api.refused(403, "GET", SECRETS, user="reader")
    await api.refused(403, "GET", f"{SECRETS}?watch=1", user="reader")
    await api.refused(403, "GET", f"{SECRETS}/any", user="reader")
    await api.refused(403, "POST", ROUTES, route(), user="reader")
    await api.refused(403, "DELETE", ROUTES, user="reader")
    await api.refused(403, "PATCH", f"{ROUTES}/cart/status", {}, user="agent")
    await api.refused(403, "GET", ROUTES, user="agent")
    await api.refused(403, "GET", "/api", user="nobody")
    await api.refused(403, "GET", "/metrics", user="agent")
    await api.ok("GET", ROUTES, user="reader")
    status = await api.refused(403, "DELETE", f"{ROUTES}/cart", user="reader")
    assert 'User "reader" cannot delete resource "httproutes"' in status["message"]


@pytest.mark.parametrize("path", ["certificaterequests", "certificaterequests/any"])
@pytest.mark.parametrize("user", ["reader", "admin"])
async def test_a_review_is_asked_by_its_verb_only_never_by_a_watch(api: Api, path: str, user: str) -> None:
    """Who may watch everything may not therefore be handed a certificate or a token."""
    where = f"/apis/sekisho.dev/v1alpha1/{path}?watch=true"
    await api.refused(405, "GET", where, {"spec": {"asked": True}}, user=user)


async def test_a_script_of_another_origin_is_refused_even_with_a_token(api: Api) -> None:
    await api.refused(403, "GET", ROUTES, origin="https://evil.example.com")
    await api.refused(403, "GET", ROUTES, origin="null")
    answer = await api.call("GET", ROUTES, origin="https://api.test")
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        (None, None),
        ("Bearer " + "x" * MAX_TOKEN_BYTES, None),
    ],
)
def test_a_bearer_token_is_taken_from_its_header(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


async def test_malformed_tokens_are_401_and_nothing_else(api: Api) -> None:
    chance = random.Random(4)
    letters = string.printable[:94] + "\u00e9\u4e2d"
    for _ in range(500):
        token = "".join(chance.choices(letters, k=chance.randrange(1, 80))).encode("latin-1", "replace")
        await api.refused(401, "GET", ROUTES, authorization=b"Bearer " + token)  # type: ignore[arg-type]
    for token in ("eyJhbGciOiJub25lIn0.e30.", "' OR 1=1 --", "../../etc/passwd", "[]", "x" * 100_000):
        await api.refused(401, "GET", ROUTES, authorization=f"Bearer {token}")


async def test_who_tries_on_and_on_what_is_not_theirs_to_do_does_not_fill_the_log(api: Api) -> None:
    with capture_logs() as logs:
        for name in "abcde":
            await api.refused(403, "DELETE", f"{ROUTES}/{name}", user="reader")
        await api.refused(403, "DELETE", f"{SERVICES}/a", user="reader")
        api.clock.advance(EVERY)
        await api.refused(403, "DELETE", f"{ROUTES}/f", user="reader")
    assert [(line["path"], line.get("not_written_before")) for line in logs] == [
        (f"{ROUTES}/a", None), (f"{SERVICES}/a", None), (f"{ROUTES}/f", 4),
    ]  # fmt: skip


async def test_every_answer_that_says_no_is_told_to_whoever_counts(make_api: Factory) -> None:
    codes: list[int] = []
    api = make_api(about=About(refused=codes.append), limits=Limits(watches=0))
    await api.app.start()
    await api.ok("GET", ROUTES)
    assert codes == []
    await api.refused(401, "GET", ROUTES, user="stranger")
    await api.refused(403, "DELETE", ROUTES, user="reader")
    await api.refused(422, "POST", ROUTES, route() | {"spec": {"rules": 7}})
    await api.refused(429, "GET", f"{ROUTES}?watch=1")
    assert codes == [401, 403, 422, 429]
