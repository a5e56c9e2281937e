"""Laws of the model and its small tools, on made-up input."""

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.kit import durations, hostnames
from sekisho.model import jsontext, paths, yaml
from sekisho.model.defaults import filled
from sekisho.model.document import check
from sekisho.model.kinds import KINDS
from sekisho.model.mistakes import mistakes
from sekisho.model.names import Origin, ResourceId
from sekisho.model.problems import Invalid

WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=12)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn", "Zl", "Zp", "Co")), max_size=12
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    LEAVES | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
LABELS = st.text("ab", min_size=1, max_size=2)
EXACT = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.just("*") | EXACT | EXACT.map("*.{}".format)

ROUTE: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "cart", "labels": {"app": "cart"}, "ownerReferences": []},
    "spec": {
        "parentRefs": [{"name": "web", "sectionName": "http", "port": 80}],
        "hostnames": ["shop.example.com"],
        "rules": [
            {
                "matches": [
                    {"path": {"type": "Exact", "value": "/a"}, "headers": [{"name": "x", "value": "y"}]}
                ],
                "filters": [{"type": "CORS", "cors": {"allowOrigins": ["*"], "maxAge": 7}}],
                "backendRefs": [{"name": "cart", "port": 80, "weight": 5}],
                "timeouts": {"request": "1s"},
            }
        ],
    },
    "status": {"parents": [None]},
}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in `value`."""
    if not isinstance(value, dict | list):
        return []
    entries = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    return [(value, key) for key, _ in entries] + [place for _, item in entries for place in places(item)]


@st.composite
def damaged_routes(draw: st.DrawFn) -> dict[str, Any]:
    """A good route in which up to three values were replaced, removed or added."""
    route = copy.deepcopy(ROUTE)
    for _ in range(draw(st.integers(0, 3))):
        container, key = draw(st.sampled_from(places(route)))
        match draw(st.sampled_from(("replace", "remove", "add"))):
            case "replace":
                container[key] = draw(VALUES)
            case "remove":
                del container[key]
            case _ if isinstance(container, dict):
                container[draw(WORDS)] = draw(VALUES)
            case _:
                container.append(draw(VALUES))
        if not places(route):
            break
    return route


def attempt(read: Callable[..., Any], *arguments: Any) -> Any:
    """What `read` answers, be it a refusal."""
    try:
        return read(*arguments)
    except Invalid as refused:
        return refused


@given(damaged_routes())
def test_the_slow_path_explains_exactly_what_the_fast_path_refuses(route: dict[str, Any]) -> None:
    kind = KINDS["HTTPRoute"].type
    try:
        msgspec.convert(route, kind)
        refused = False
    except msgspec.ValidationError:
        refused = True
    assert bool(mistakes(kind, route)) is refused


@given(damaged_routes())
def test_a_document_is_checked_or_refused_and_a_checked_one_stays_as_it_is(route: dict[str, Any]) -> None:
    once = attempt(check, "HTTPRoute", route)
    if isinstance(once, Invalid):
        assert once.problems
    else:
        assert check("HTTPRoute", once.object) == once


@given(st.sampled_from(sorted(KINDS)), VALUES)
def test_whatever_is_sent_is_refused_in_words(kind: str, written: Any) -> None:
    refused = attempt(check, kind, written)
    assert isinstance(refused, Invalid)
    assert all(str(problem) for problem in refused.problems)


@given(damaged_routes())
def test_filling_defaults_twice_is_filling_them_once(route: dict[str, Any]) -> None:
    kind = KINDS["HTTPRoute"].type
    once = filled(kind, route)
    assert filled(kind, once) == once


@given(VALUES)
def test_json_and_yaml_read_what_json_wrote(value: Any) -> None:
    assert jsontext.parse(json.dumps(value).encode()) == value
    documents = yaml.load(json.dumps(value, ensure_ascii=False))
    assert [document.value for document in documents] == ([] if value is None else [value])


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_any_text_is_yaml_or_is_refused(text: str) -> None:
    documents = attempt(yaml.load, text)
    if isinstance(documents, Invalid):
        assert len(documents.problems) == 1
    else:
        json.dumps([document.value for document in documents], allow_nan=False)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_are_refused(body: bytes) -> None:
    value = attempt(jsontext.parse, body)
    if isinstance(value, Invalid):
        assert len(value.problems) == 1
    else:
        assert msgspec.json.decode(msgspec.json.encode(value)) == value


@given(st.builds(ResourceId, st.sampled_from(sorted(KINDS)), st.just("") | WORDS, WORDS))
def test_a_resource_id_reads_as_it_prints(id_: ResourceId) -> None:
    assert ResourceId.parse(str(id_)) == id_
    assert str(Origin(id_, "spec.rules[0]")) == f"{id_} spec.rules[0]"


@given(
    st.lists(
        st.tuples(st.just("field"), WORDS.map(lambda word: word.replace(".", "_")))
        | st.tuples(st.just("item"), st.integers(0, 99))
        | st.tuples(st.just("entry"), TEXT)
    )
)
def test_a_path_is_taken_apart_as_it_was_built(steps: list[tuple[str, Any]]) -> None:
    path = ""
    for function, part in steps:
        path = getattr(paths, function)(path, part)
    assert paths.parts(path) == tuple(part for _, part in steps)


@given(st.integers(0, 99_999 * 3_600_000))
def test_a_duration_reads_as_it_prints(milliseconds: int) -> None:
    assert durations.parse(durations.format(milliseconds)) == milliseconds


@given(PATTERNS, PATTERNS, EXACT)
def test_the_intersection_holds_exactly_the_hosts_of_both(left: str, right: str, host: str) -> None:
    both = hostnames.intersect(left, right)
    assert hostnames.intersect(right, left) == both
    expected = hostnames.matches(left, host) and hostnames.matches(right, host)
    assert (both is not None and hostnames.matches(both, host)) is expected


@given(PATTERNS, PATTERNS, EXACT)
def test_of_two_patterns_that_match_a_host_the_more_specific_is_the_narrower(
    left: str, right: str, host: str
) -> None:
    if left != right and hostnames.matches(left, host) and hostnames.matches(right, host):
        narrow, wide = sorted((left, right), key=hostnames.specificity, reverse=True)
        assert hostnames.specificity(narrow) > hostnames.specificity(wide)
        assert hostnames.covers(wide, narrow)
        assert not hostnames.covers(narrow, wide)
