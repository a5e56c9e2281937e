"""MeshTLS that operators overrule: its owner is told, by whom, and where."""

from typing import Any

from tests.unit.translate.mesh.mesh import Mesh, member, shop
from tests.unit.translate.world import NAMESPACE, Document, document

from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.translate.outputs import STATUSES

OWN = ResourceId("MeshTLS", NAMESPACE, "own")
BASE = "MeshTLS/sekisho-system/base"


def mesh_tls(
    name: str, namespace: str = SYSTEM_NAMESPACE, target: Document | None = None, **default: Any
) -> Document:
    spec = {"rules": [{"default": default}], **({"targetRef": target} if target else {})}
    return document("MeshTLS", name, namespace, spec=spec)


def told(world: Mesh, policy: ResourceId = OWN) -> str:
    """The message of Overruled; empty for none."""
    conditions = {one["type"]: one for one in world.engine.value(STATUSES, policy)["conditions"]}
    assert conditions["Accepted"]["status"] == "True"
    return str(conditions["Overruled"]["message"]) if "Overruled" in conditions else ""


def test_a_weaker_mode_names_the_policy_that_wins_and_where() -> None:
    world = shop(mesh_tls("base", mode="Strict"), mesh_tls("own", NAMESPACE, mode="Permissive"))
    assert told(world) == f"mode Permissive is overruled by {BASE} (at cart-1, web-1)."
    assert told(world, ResourceId("MeshTLS", SYSTEM_NAMESPACE, "base")) == ""


def test_what_is_stricter_or_alone_is_not_overruled() -> None:
    assert told(shop(mesh_tls("own", NAMESPACE, mode="Permissive"))) == ""
    assert told(shop(mesh_tls("base", mode="Permissive"), mesh_tls("own", NAMESPACE, mode="Strict"))) == ""


def test_an_older_version_and_a_cipher_are_told_as_well() -> None:
    older, newer = {"min": "TLS12", "max": "TLS13"}, {"min": "TLS13"}
    first, second = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"
    world = shop(
        mesh_tls("base", tlsVersion=newer, tlsCiphers=[first]),
        mesh_tls("own", NAMESPACE, tlsVersion=older, tlsCiphers=[first, second]),
    )
    assert f"TLS 1.2 is overruled by {BASE}" in told(world)
    assert f"cipher {second} is overruled by {BASE}" in told(world)
    assert first not in told(world)


def test_it_is_told_only_for_the_workloads_concerned_and_goes_with_the_reason() -> None:
    cart = {"kind": "Workload", "labels": {"app": "cart"}}
    world = shop(mesh_tls("base", target=cart, mode="Strict"), mesh_tls("own", NAMESPACE, mode="Permissive"))
    assert "(at cart-1)" in told(world)
    world.apply(mesh_tls("base", target=cart, mode="Permissive"))
    assert told(world) == ""


def test_of_many_workloads_a_few_are_named() -> None:
    many = [member(f"web-{number}", "web", f"10.0.1.{number}") for number in range(2, 8)]
    world = shop(mesh_tls("base", mode="Strict"), mesh_tls("own", NAMESPACE, mode="Permissive"), *many)
    assert "(at cart-1, web-1, web-2, web-3 and 4 more)" in told(world)


def test_one_in_shadow_says_so_and_is_not_overruled() -> None:
    own = mesh_tls("own", NAMESPACE, mode="Permissive")
    own["metadata"]["labels"] = {"sekisho.dev/effect": "shadow"}
    world = shop(mesh_tls("base", mode="Strict"), own)
    assert told(world) == ""
    (accepted,) = world.engine.value(STATUSES, OWN)["conditions"]
    assert accepted["reason"] == "Shadow"
