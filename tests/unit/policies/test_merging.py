"""`sekisho.policies.merging`: which policy wins, and what of the others stays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.model.document import check
from sekisho.model.names import Origin, ResourceId
from sekisho.model.policies.timeout import Timeout, TimeoutDefault
from sekisho.policies.merging import Merged, Order, Part, merge_patch, merged, order, stacked, typed, written

MESH = {"kind": "Mesh"}


def timeout(
    name: str = "a", namespace: str = "shop", target: Any = None, labels: Any = None, to: Any = None
) -> Timeout:
    spec: dict[str, Any] = {"to": [{"targetRef": to or MESH, "default": {"idleTimeout": "1s"}}]}
    if target:
        spec["targetRef"] = target
    return policy(spec, name, namespace, labels)


def inbound(name: str = "a", target: Any = None, namespace: str = "shop") -> Timeout:
    spec = {"targetRef": target or MESH, "rules": [{"default": {"idleTimeout": "1s"}}]}
    return policy(spec, name, namespace)


def policy(spec: Any, name: str, namespace: str, labels: Any = None) -> Timeout:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    document = {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Timeout", "metadata": metadata, "spec": spec}
    found = check("Timeout", document).resource
    assert isinstance(found, Timeout)
    return found


def place(found: Timeout, entry: int = 0) -> Order:
    destination = found.spec.to[entry].target_ref if found.spec.to else None
    return order(found, found.spec.target_ref, destination, entry)


WORKLOAD = {"kind": "Workload"}
SERVICE = {"kind": "Service", "name": "cart"}
OF_GCP = {"sekisho.dev/origin": "zone", "sekisho.dev/zone": "gcp"}


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        (timeout(target=MESH), timeout(target=WORKLOAD)),
        (timeout(), timeout(target={"kind": "Gateway", "name": "edge"})),
        (inbound(target=SERVICE), inbound(target=WORKLOAD)),
        (timeout(target=WORKLOAD), timeout(target={"kind": "HTTPRoute", "name": "r"})),
        (inbound(target=WORKLOAD), inbound(target={**WORKLOAD, "sectionName": "http"})),
        (timeout(labels={"sekisho.dev/origin": "global"}), timeout()),
        (timeout(name="b.gcp", labels=OF_GCP), timeout(name="a")),
        (timeout(namespace="sekisho-system", to=SERVICE), timeout(to=SERVICE)),
        (timeout(to=SERVICE), timeout(to={**SERVICE, "namespace": "other"})),
        (timeout(), inbound()),
        (timeout(), timeout(to={"kind": "Service", "labels": {"a": "b"}})),
        (timeout(to={**SERVICE, "namespace": "x"}), timeout(to={"kind": "ExternalService", "name": "cart"})),
        (
            timeout(to={"kind": "ExternalService", "name": "cart"}),
            timeout(to={"kind": "MultiZoneService", "name": "cart"}),
        ),
        (
            timeout(to={"kind": "MultiZoneService", "name": "cart"}),
            timeout(to={"kind": "HTTPRoute", "name": "r", "namespace": "other"}),
        ),
        (timeout(to=SERVICE), timeout(to={**SERVICE, "sectionName": "80"})),
        (timeout(name="b"), timeout(name="a")),
        (timeout(name="ab"), timeout(name="a")),
        (timeout(name="a", namespace="b"), timeout(name="a", namespace="a")),
        (timeout(name="a-b"), timeout(name="a.gcp", labels=OF_GCP)),
    ],
    ids=[
        "mesh-workload",
        "mesh-gateway",
        "service-workload",
        "workload-route",
        "section",
        "global-unknown",
        "another-zone-is-no-stronger",
        "system-producer",
        "producer-consumer",
        "consumer-owner",
        "to-mesh-service",
        "to-service-external",
        "to-external-multizone",
        "to-multizone-route",
        "to-section",
        "name",
        "shorter-name",
        "namespace",
        "display-name",
    ],
)
def test_each_key_of_the_order(weaker: Timeout, stronger: Timeout) -> None:
    assert place(weaker) < place(stronger)


def test_keys_count_from_the_target_down_to_the_name() -> None:
    """Each of these loses by the key it is named after, and wins by all the later ones."""
    by_origin = timeout(
        name="b", labels={"sekisho.dev/origin": "global"}, to={**SERVICE, "sectionName": "80"}
    )
    assert place(by_origin) < place(timeout(name="z", namespace="sekisho-system"))
    by_target = timeout(name="a", to={"kind": "HTTPRoute", "name": "r", "namespace": "x"})
    assert place(by_target) < place(timeout(name="z", target=WORKLOAD, namespace="sekisho-system"))


def test_of_one_policy_the_later_entry_wins() -> None:
    spec = {"to": [{"targetRef": MESH, "default": {}}, {"targetRef": MESH, "default": {}}]}
    both = policy(spec, "a", "shop")
    assert place(both, 0) < place(both, 1)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7396(target: Any, patch: Any, expected: Any) -> None:
    assert merge_patch(target, patch) == expected


def test_lists_called_append_go_on_and_all_others_are_replaced() -> None:
    below = {"appendMatch": [1], "match": [1], "in": {"appendModifications": ["a"]}}
    above = {"appendMatch": [2, 3], "match": [2], "in": {"appendModifications": ["b"]}}
    expected = {"appendMatch": [1, 2, 3], "match": [2], "in": {"appendModifications": ["a", "b"]}}
    assert merge_patch(below, above) == expected
    assert below == {"appendMatch": [1], "match": [1], "in": {"appendModifications": ["a"]}}


def test_what_its_author_left_out_overrides_nothing() -> None:
    default = timeout().spec.to[0].default
    assert written(default) == {"idleTimeout": "1s"}


def part(name: str, document: dict[str, Any]) -> Part:
    origin = Origin(ResourceId("Timeout", "shop", name), "spec.to[0].default")
    return Part(place(timeout(name=name)), origin, document)


def test_the_smaller_name_wins_field_by_field_and_each_field_knows_its_author() -> None:
    strong = part("a", {"idleTimeout": "1s", "http": {"requestTimeout": "2s"}})
    weak = part("b", {"idleTimeout": "9s", "connectionTimeout": "3s", "http": {"streamIdleTimeout": "4s"}})
    found = merged([strong, weak])
    value = typed(found, TimeoutDefault)
    assert (value.idle_timeout, value.connection_timeout) == ("1s", "3s")
    authors = {path: (origin.resource.name, origin.path) for path, origin in found.origins}
    assert authors == {
        "connectionTimeout": ("b", "spec.to[0].default.connectionTimeout"),
        "http.requestTimeout": ("a", "spec.to[0].default.http.requestTimeout"),
        "http.streamIdleTimeout": ("b", "spec.to[0].default.http.streamIdleTimeout"),
        "idleTimeout": ("a", "spec.to[0].default.idleTimeout"),
    }


def test_each_item_of_an_appended_list_knows_its_author() -> None:
    found = merged([part("a", {"appendMatch": [3]}), part("b", {"appendMatch": [1, 2]})])
    assert found.document == {"appendMatch": [1, 2, 3]}
    names = [(path, origin.resource.name, origin.path[-3:]) for path, origin in found.origins]
    assert names == [
        ("appendMatch[0]", "b", "[0]"),
        ("appendMatch[1]", "b", "[1]"),
        ("appendMatch[2]", "a", "[0]"),
    ]


DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "idleTimeout": st.sampled_from(["1s", "2s"]),
        "http": st.fixed_dictionaries(
            {}, optional={"requestTimeout": st.sampled_from(["1s", "2s"]), "maxStreamDuration": st.just("3s")}
        ),
        "list": st.lists(st.integers(0, 3), max_size=2),
        "appendItems": st.lists(st.integers(0, 3), max_size=2),
    },
)


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_merging_is_associative(first: Any, second: Any, third: Any) -> None:
    left = merge_patch(merge_patch(first, second), third)
    right = merge_patch(first, merge_patch(second, third))
    assert left == right


@given(st.lists(DOCUMENTS, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_shows_and_every_field_has_an_author(documents: Any, random: Any) -> None:
    parts = [part(f"p{number}", document) for number, document in enumerate(documents)]
    found = merged(parts)
    random.shuffle(parts)
    assert merged(parts) == found
    assert merged(parts) == stacked(sorted(parts, key=lambda one: one.order))
    assert {path for path, _ in found.origins} == set(leaves(found))


@given(DOCUMENTS)
def test_merging_twice_changes_nothing_but_what_is_appended(document: Any) -> None:
    plain = {key: value for key, value in document.items() if key != "appendItems"}
    assert merge_patch(plain, plain) == plain


def leaves(found: Merged) -> list[str]:
    paths = []
    for name, value in found.document.items():
        if name.startswith("append"):
            paths += [f"{name}[{number}]" for number in range(len(value))]
        elif isinstance(value, dict):
            paths += [f"{name}.{key}" for key in value]
        else:
            paths.append(name)
    return paths
