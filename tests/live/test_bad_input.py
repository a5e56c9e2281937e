"""What hostile and mistaken clients send to a real control plane: refused quickly, in words, at no cost."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from tests.kit.live_system import control_plane
from tests.kit.objects import route
from tests.kit.system import System, promised

__all__ = ["control_plane"]

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes"
JSON, YAML, APPLY = "application/json", "application/yaml", "application/apply-patch+yaml"
MIB = 1 << 20


def edited(**spec: Any) -> bytes:
    """A good route with other fields in its spec."""
    good = route("bad", "shop.test")
    return json.dumps(good | {"spec": good["spec"] | spec}).encode()


def matching(match: dict[str, Any]) -> bytes:
    """A route whose second match is this."""
    return edited(rules=[{"matches": [{"path": {"value": "/"}}, match]}])


def regex(expression: str) -> bytes:
    return matching({"path": {"type": "RegularExpression", "value": expression}})


def alias_bomb(levels: int = 30) -> bytes:
    """Some 10^9 strings when read naively."""
    lines = ["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, levels))]
    return "\n".join([*lines, f"kind: HTTPRoute\nmetadata: {{name: bad}}\nspec: *a{levels - 1}"]).encode()


@dataclass(frozen=True)
class Bad:
    """What is sent, and what must come back."""

    name: str
    body: bytes
    code: int
    words: tuple[str, ...]
    """In the answer's message."""
    type: str = JSON
    path: str = ROUTES
    method: str = "POST"


MATCH = "spec.rules[0].matches[1]"
YAML_HEAD = b"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: bad}\n"

CASES = (
    Bad("a kind in the path that is not served", b"{}", 404, ("could not find",), path=f"{ROUTES}x"),
    Bad(
        "a document of another kind", edited().replace(b'"HTTPRoute"', b'"HTTPRout"'), 422,
        ("kind", "HTTPRout"),
    ),
    Bad(
        "an unknown field", edited(hostname="x"), 422,
        ("spec.hostname", "unknown field", 'did you mean "hostnames"?'),
    ),
    Bad(
        "an unknown value of an enum", matching({"path": {"type": "PathPrefx", "value": "/"}}), 422,
        (f"{MATCH}.path.type", 'did you mean "PathPrefix"?'),
    ),
    Bad(
        "a text where a number belongs", edited(parentRefs=[{"name": "web", "port": "eighty"}]), 422,
        ("spec.parentRefs[0].port", "expected an integer, found a string"),
    ),
    Bad(
        "a number where a list belongs", edited(hostnames=7), 422,
        ("spec.hostnames", "expected a list, found an integer"),
    ),
    Bad(
        "several mistakes at once", edited(hostname="x", rules=[{"matchs": []}]), 422,
        ("spec.hostname", "spec.rules[0].matchs", 'did you mean "matches"?'),
    ),
    Bad(
        "a key twice in JSON", edited().replace(b'"hostnames":', b'"hostnames": [], "hostnames":'), 400,
        ('"hostnames" stands twice',),
    ),
    Bad("a key twice in YAML", YAML_HEAD + b"spec: {rules: [], rules: []}", 400, ("rules",), YAML),
    Bad("JSON cut off", edited()[:-2], 400, ("JSON",)),
    Bad("no body", b"", 400, ("not JSON: expecting value",)),
    Bad("NaN", edited(rules=float("nan")), 400, ("NaN",)),
    Bad("bytes that are no UTF-8", b'{"kind": "\xff\xfe"}', 400, ("UTF-8",)),
    Bad("JSON 10,000 levels deep", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, ("64 levels",)),
    Bad("brackets 100,000 levels deep and not closed", b"[" * 100_000, 400, ("64 levels",)),
    Bad("YAML 10,000 levels deep", b"[" * 10_000 + b"]" * 10_000, 400, ("levels",), YAML),
    Bad("an alias bomb", alias_bomb(), 400, ("alias",), YAML),
    Bad(
        "an alias bomb as an apply", alias_bomb(), 400, ("alias",), APPLY,
        f"{ROUTES}/bad?fieldManager=test", "PATCH",
    ),
    Bad("JSON of 10 MiB", edited(rules=["x" * 10 * MIB]), 413, ("1048576",)),
    Bad("YAML of 10 MiB", YAML_HEAD + b"spec: " + b"x" * 10 * MIB, 413, ("bytes",), YAML),
    Bad("YAML of 1 MB", YAML_HEAD + b"spec: " + b"[x, y]," * 140_000, 413, ("262144",), YAML),
    Bad(
        "50,000 unknown fields", edited(**{f"field{n}": 1 for n in range(50_000)}), 422,
        ("spec.field0: unknown field",),
    ),
    Bad("a regex with look-ahead", regex("/a(?=b)"), 422, (f"{MATCH}.path.value", "RE2", "(?=")),
    Bad("a regex with a back reference", regex(r"/(a)\1"), 422, (f"{MATCH}.path.value", r"\1")),
    Bad("a regex that is not closed", regex("/(a"), 422, (f"{MATCH}.path.value", "missing )")),
    Bad(
        "a regex too costly to run", regex("/([a-z]{1,100}){1,10}x"), 422,
        (f"{MATCH}.path.value", "too costly"),
    ),
    Bad(
        "a regex for a header",
        matching({"headers": [{"type": "RegularExpression", "name": "x", "value": "["}]}), 422,
        (f"{MATCH}.headers[0].value", "missing ]"),
    ),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(control_plane: System) -> AsyncIterator[httpx2.AsyncClient]:
    """As the admin, over TLS."""
    access = control_plane.access
    headers = {"authorization": f"Bearer {access.bearer()}"}
    async with httpx2.AsyncClient(
        base_url=access.server, verify=access.tls(), headers=headers, trust_env=False, timeout=30
    ) as client:
        yield client


async def send(http: httpx2.AsyncClient, bad: Bad) -> tuple[httpx2.Response, float]:
    """The answer and after how many seconds it came, of an open connection."""
    await http.get("/version")
    began = time.monotonic()
    answer = await http.request(bad.method, bad.path, content=bad.body, headers={"content-type": bad.type})
    return answer, time.monotonic() - began


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
async def test_it_is_refused_in_words_within_100_ms(
    control_plane: System, http: httpx2.AsyncClient, bad: Bad
) -> None:
    before = control_plane.process("control plane").memory_info().rss
    tries = [await send(http, bad) for _ in range(4)]
    for answer, _ in tries:
        status = answer.json()
        assert (answer.status_code, status["kind"], status["code"]) == (bad.code, "Status", bad.code), status
        missing = [words for words in bad.words if words not in status["message"]]
        assert not missing, status["message"][:2000]
        assert len(answer.content) < 64 * 1024, "what is wrong with a document is not as long as it"
    assert min(seconds for _, seconds in tries) < promised(0.1)  # what it costs; others use this machine too
    after = control_plane.process("control plane").memory_info().rss
    assert after - before < 50 * MIB


async def test_memory_stays_flat_and_good_documents_are_taken_after_all_of_them(
    control_plane: System, http: httpx2.AsyncClient
) -> None:
    for bad in CASES:
        await send(http, bad)  # the first time brings code and caches into memory
    before = control_plane.process("control plane").memory_info().rss
    for _ in range(3):
        for bad in CASES:
            await send(http, bad)
    after = control_plane.process("control plane").memory_info().rss
    assert after - before < 50 * MIB
    assert (await http.post(ROUTES, json=route("good", "shop.test"))).status_code == 201


async def test_who_streams_without_an_end_is_cut_off(control_plane: System, http: httpx2.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MIB:
            sent += MIB
            yield b"x" * MIB

    try:
        answer = await http.post(ROUTES, content=endless(), headers={"content-type": JSON})
    except httpx2.TransportError:
        pass  # closed while we were still talking
    else:
        assert answer.status_code == 413
    assert sent < 50 * MIB
