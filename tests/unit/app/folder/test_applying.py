"""Bringing an API to the state of manifests."""

from typing import Any

import pytest

from sekisho.app.folder.applying import Applier
from sekisho.app.folder.manifests import SOURCE_ANNOTATION, read_text
from sekisho.client import Client, NotFound
from sekisho.model.names import ResourceId
from sekisho.model.origin import SET_LABEL

ONE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n"
TWO = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n"
NAMESPACED = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: three, namespace: shop}\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"


def manifests(*texts: str) -> Any:
    return read_text("---\n".join(texts), "a.yaml").manifests


@pytest.fixture
def applier(client: Client) -> Applier:
    return Applier(client, manager="test", set_name="set-1")


async def test_what_is_applied_carries_its_place_and_its_set(applier: Applier, client: Client) -> None:
    outcome = await applier.bring(manifests(ONE))
    assert outcome.applied == (ResourceId("ConfigMap", "default", "one"),)
    metadata = (await client.get("configmap", "one", "default"))["metadata"]
    assert metadata["annotations"] == {SOURCE_ANNOTATION: "a.yaml:1"}
    assert metadata["labels"] == {SET_LABEL: "set-1"}


async def test_only_what_differs_from_the_last_round_is_sent(applier: Applier) -> None:
    await applier.bring(manifests(ONE, TWO))
    assert (await applier.bring(manifests(ONE, TWO))).applied == ()
    changed = await applier.bring(manifests(ONE.replace("b}", "c}"), TWO))
    assert [id_.name for id_ in changed.applied] == ["one"]


async def test_after_forgetting_everything_is_sent(applier: Applier) -> None:
    await applier.bring(manifests(ONE, TWO))
    applier.forget()
    assert len((await applier.bring(manifests(ONE, TWO))).applied) == 2


async def test_what_left_the_set_is_pruned_also_by_a_later_run(applier: Applier, client: Client) -> None:
    await applier.bring(manifests(ONE, TWO))
    later = Applier(client, manager="test", set_name="set-1")
    outcome = await later.bring(manifests(TWO))
    assert [id_.name for id_ in outcome.pruned] == ["one"]
    with pytest.raises(NotFound):
        await client.get("configmap", "one", "default")


async def test_another_set_and_the_unmarked_are_left_alone(applier: Applier, client: Client) -> None:
    await Applier(client, manager="test", set_name="set-2").bring(manifests(ONE))
    await Applier(client, manager="test").bring(manifests(TWO))
    assert (await applier.bring(())).pruned == ()


async def test_namespaces_go_first_whatever_their_order_in_the_files(applier: Applier) -> None:
    outcome = await applier.bring(manifests(NAMESPACED, NAMESPACE))
    assert [id_.kind for id_ in outcome.applied] == ["Namespace", "ConfigMap"]
    assert outcome.problems == ()


async def test_a_refused_resource_is_a_problem_at_its_line_and_is_tried_again(applier: Applier) -> None:
    bad = read_text(ONE.replace("data: {a: b}", "data: {a: 1}"), "a.yaml", strict=False).manifests
    for _ in range(2):
        outcome = await applier.bring([*bad, *manifests(TWO)])
        assert [(problem.file, problem.line) for problem in outcome.problems] == [("a.yaml", 4)]
        assert 'data["a"]' in outcome.problems[0].path or "data" in outcome.problems[0].path


async def test_without_force_the_fields_of_others_are_a_problem(client: Client) -> None:
    await Applier(client, manager="first").bring(manifests(ONE))
    changed = manifests(ONE.replace("b}", "c}"))
    polite = await Applier(client, manager="second", force=False).bring(changed)
    assert "conflict" in polite.problems[0].message.lower()
    assert (await Applier(client, manager="second").bring(changed)).problems == ()


async def test_a_namespace_stays_as_long_as_something_in_it_is_wanted(
    applier: Applier, client: Client
) -> None:
    await applier.bring(manifests(NAMESPACE, NAMESPACED))
    assert (await applier.bring(manifests(NAMESPACED))).pruned == ()
    assert await client.get("configmap", "three", "shop")
    assert {id_.kind for id_ in (await applier.bring(())).pruned} == {"ConfigMap", "Namespace"}


async def test_what_other_sets_left_is_removed_and_what_both_have_is_taken_over(
    applier: Applier, client: Client
) -> None:
    await Applier(client, manager="test", set_name="old").bring(manifests(ONE, TWO))
    await Applier(client, manager="test", set_name="kept").bring(manifests(NAMESPACE, NAMESPACED))
    await applier.bring(manifests(TWO))
    removed = await applier.remove_sets(lambda name: name == "old")
    assert [id_.name for id_ in removed] == ["one"]
    assert (await client.get("configmap", "two", "default"))["metadata"]["labels"] == {SET_LABEL: "set-1"}
    assert await client.get("configmap", "three", "shop")
