"""Which resources are in trouble, kept commit by commit."""

from typing import Any

from sekisho.control.troubles import Troubled, troubles_in
from sekisho.model.names import ResourceId

CART, SHOP = (ResourceId("HTTPRoute", "shop", name) for name in ("cart", "shop"))


def said(type_: str, status: str, reason: str = "Any") -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": reason, "message": ""}


def of_parent(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"parents": [{"conditions": list(conditions)}]}


def test_a_resource_is_in_trouble_until_its_status_says_otherwise_or_it_goes() -> None:
    found, bad, good = (
        Troubled(), of_parent(said("Accepted", "False")), of_parent(said("Accepted", "True")),
    )  # fmt: skip
    found.note({SHOP: bad, CART: bad})
    assert found.in_order() == [(CART, bad), (SHOP, bad)]
    found.note({CART: good})
    assert found.in_order() == [(SHOP, bad)]
    found.note({SHOP: None})
    assert found.in_order() == []


def test_what_is_well_is_not_kept() -> None:
    found = Troubled()
    found.note({CART: of_parent(said("Accepted", "True")), SHOP: {"conditions": []}})
    assert found.in_order() == []


def test_some_conditions_are_trouble_when_true_and_waiting_is_none() -> None:
    conflicted, partly = said("Conflicted", "True"), said("PartiallyInvalid", "True")
    waiting, none = said("Programmed", "False", "Pending"), said("Conflicted", "False", "NoConflicts")
    status = {"conditions": [waiting, partly], "listeners": [{"conditions": [none, conflicted]}]}
    assert list(troubles_in(status)) == [partly, conflicted]
