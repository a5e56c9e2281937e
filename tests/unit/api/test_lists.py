"""Lists: pages, selectors, revisions, shapes."""

from urllib.parse import urlencode

import pytest

from .harness import Api, config_map

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def filled(api: Api) -> Api:
    """Five ConfigMaps, two of them labelled."""
    for index in range(5):
        labels = {"app": "x", "n": str(index)} if index % 2 else {}
        await api.ok("POST", MAPS, config_map(f"map-{index}", labels=labels))
    return api


def names(listed: dict[str, object]) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]  # type: ignore[index, attr-defined]


async def test_pages_follow_one_another_and_share_a_revision(filled: Api) -> None:
    first = await filled.ok("GET", f"{MAPS}?limit=2")
    await filled.ok("POST", MAPS, config_map("aaa"))
    second = await filled.ok("GET", f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    third = await filled.ok("GET", f"{MAPS}?limit=2&continue={second['metadata']['continue']}")
    assert names(first) + names(second) + names(third) == [f"map-{index}" for index in range(5)]
    assert first["metadata"]["remainingItemCount"] == 3
    assert "continue" not in third["metadata"]
    assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {
        first["metadata"]["resourceVersion"]
    }


async def test_a_broken_continue_token_is_refused(filled: Api) -> None:
    await filled.refused(400, "GET", f"{MAPS}?limit=2&continue=nonsense")


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("app=x", [1, 3]),
        ("app==x,n!=1", [3]),
        ("app", [1, 3]),
        ("!app", [0, 2, 4]),
        ("n in (1, 7)", [1]),
        ("n notin (1)", [0, 2, 3, 4]),
        ("n>1", [3]),
        ("n<3", [1]),
        ("app!=x", [0, 2, 4]),
    ],
)
async def test_label_selectors_pick(filled: Api, selector: str, found: list[int]) -> None:
    listed = await filled.ok("GET", str(_url(labelSelector=selector)))
    assert names(listed) == [f"map-{index}" for index in found]


def _url(**query: str) -> str:
    return f"{MAPS}?{urlencode(query)}"


async def test_field_selectors_pick(filled: Api) -> None:
    assert names(await filled.ok("GET", _url(fieldSelector="metadata.name=map-1"))) == ["map-1"]
    assert len(names(await filled.ok("GET", _url(fieldSelector="metadata.name!=map-1")))) == 4
    assert names(await filled.ok("GET", _url(fieldSelector="metadata.namespace=other"))) == []


async def test_fields_of_some_kinds_can_be_selected(api: Api) -> None:
    secrets = "/api/v1/namespaces/default/secrets"
    for name, type_ in (("a", "Opaque"), ("b", "example.com/other")):
        await api.ok(
            "POST", secrets, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": type_}
        )
    assert names(await api.ok("GET", f"{secrets}?fieldSelector=type%3DOpaque")) == ["a"]
    active = await api.ok("GET", "/api/v1/namespaces?fieldSelector=status.phase%3DActive")
    assert names(active) == ["default", "sekisho-system"]
    await api.refused(400, "GET", _url(fieldSelector="type=Opaque"))


@pytest.mark.parametrize(
    ("selector", "named"),
    [
        ("a b", "'a b': expected `a=b`"),
        ("in (x)", "'in (x)'"),
        ("a=(b", "'a=(b'"),
        ("a=b,", "'': expected"),
        ("a=b=c", "'a=b=c'"),
        ("app:cart", "'app:cart': expected a key such as"),
        ("app=x,tier=web;", "'tier=web;': expected"),
        ("app in (x, y z)", "'app in (x, y z)': expected"),
        ("n>many", "'n>many': expected a whole number after `>`"),
    ],
)
async def test_a_label_selector_that_makes_no_sense_is_refused_with_what_is_wrong(
    filled: Api, selector: str, named: str
) -> None:
    for verb in ("GET", "DELETE"):
        status = await filled.refused(400, verb, _url(labelSelector=selector))
        assert f"unable to parse requirement of the label selector: {named}" in status["message"]
    assert len(names(await filled.ok("GET", MAPS))) == 5, "nothing was deleted"


@pytest.mark.parametrize(
    ("selector", "named"),
    [
        ("map-1", "'map-1': expected `path=value`"),
        ("metadata.name=a=b", "'metadata.name=a=b'"),
        ("metadata.name=a b", "'metadata.name=a b'"),
        ("metadata.name=a,", "''"),
        ("metadata.nme=a", "not supported: metadata.nme; of a ConfigMap, these are: metadata.name, "),
    ],
)
async def test_a_field_selector_that_makes_no_sense_is_refused_with_what_is_wrong(
    filled: Api, selector: str, named: str
) -> None:
    status = await filled.refused(400, "GET", _url(fieldSelector=selector))
    assert named in status["message"]


@pytest.mark.parametrize("parameter", ["limit", "resourceVersion", "timeoutSeconds"])
@pytest.mark.parametrize("number", ["-1", "1.5", "9" * 5000])
async def test_a_number_that_is_none_is_refused(filled: Api, parameter: str, number: str) -> None:
    watch = {} if parameter == "limit" else {"watch": "1"}
    status = await filled.refused(400, "GET", _url(**{parameter: number}, **watch))
    assert status["message"] == f"{parameter} is not a number: {number[:40]!r}"


async def test_a_revision_of_the_future_is_refused_and_an_exact_past_one_is_gone(filled: Api) -> None:
    status = await filled.refused(504, "GET", f"{MAPS}?resourceVersion=999999")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    await filled.refused(410, "GET", f"{MAPS}?resourceVersion=1&resourceVersionMatch=Exact")
    await filled.ok("GET", f"{MAPS}?resourceVersion=1&resourceVersionMatch=NotOlderThan")
    await filled.ok("GET", f"{MAPS}?resourceVersion=0")
    await filled.refused(400, "GET", f"{MAPS}?limit=many")


async def test_metadata_alone_can_be_asked_for(filled: Api) -> None:
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    listed = await filled.ok("GET", MAPS, accept=accept)
    assert listed["kind"] == "PartialObjectMetadataList"
    assert {frozenset(item) for item in listed["items"]} == {frozenset({"kind", "apiVersion", "metadata"})}


async def test_all_namespaces_are_listed_together(filled: Api) -> None:
    await filled.ok(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}}
    )
    await filled.ok("POST", "/api/v1/namespaces/b/configmaps", config_map("other"))
    assert len(names(await filled.ok("GET", "/api/v1/configmaps"))) == 6
