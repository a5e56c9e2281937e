"""Who belongs to a mesh, who they are, and whom they believe."""

import base64
from pathlib import Path
from typing import Any

import pytest
from tests.unit.translate.mesh.mesh import DOMAIN, Mesh, application, member, mesh, shop
from tests.unit.translate.world import (
    NAMESPACE,
    Document,
    World,
    document,
    gateway,
    namespace,
    unvalidated,
    workload,
)

from sekisho.identity.builtin import BuiltInAuthority
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Authority, AuthorityState
from sekisho.translate.mesh.identities import identity
from sekisho.translate.mesh.issuers import bundled_domains
from sekisho.translate.mesh.sight import world_of
from sekisho.translate.mesh.trust import trust_bundle, trust_domains
from sekisho.translate.outputs import INBOUNDS, SEEN

WEB = ResourceId("Workload", "shop", "web-1")


def mesh_identity(name: str, labels: dict[str, str] | None, path: str = "", **provider: Any) -> Document:
    selector = {} if labels is None else {"selector": {"workload": {"matchLabels": labels}}}
    spiffe = {"spiffeID": {"path": path}} if path else {}
    return document("MeshIdentity", name, SYSTEM_NAMESPACE, spec={**selector, **spiffe, **provider})


def trust(name: str, domain: str, *pems: str, namespace: str = SYSTEM_NAMESPACE) -> Document:
    bundles = [{"pem": {"value": pem}} for pem in pems]
    return document("MeshTrust", name, namespace, spec={"trustDomain": domain, "caBundles": bundles})


def spiffe_id(found: World, who: ResourceId = WEB) -> str | None:
    known = identity(found.engine.read, who)
    return None if known is None else known.spiffe_id


def test_without_a_mesh_nothing_is_meshed() -> None:
    found = World(application("web", "241.0.0.1"), member("web-1", "web"))
    assert world_of(found.engine.read, WEB) is None
    assert not found.values(INBOUNDS)
    assert spiffe_id(found) is None


def test_a_namespace_says_which_mesh_it_belongs_to() -> None:
    found = Mesh(mesh("other"), namespace("shop", **{"sekisho.dev/mesh": "other"}), member("web-1", "web"))
    assert found.world("web-1").mesh == "other"
    assert spiffe_id(found) == "spiffe://other.default.mesh.local/ns/shop/sa/web"


def test_a_namespace_of_a_mesh_that_does_not_exist_is_in_none() -> None:
    found = Mesh(namespace("shop", **{"sekisho.dev/mesh": "gone"}), member("web-1", "web"))
    assert world_of(found.engine.read, WEB) is None


def test_a_workload_without_sidecar_is_no_member() -> None:
    plain = workload("web-1", "10.0.0.1", labels={"app": "web"})
    found = Mesh(application("web", "241.0.0.1"), plain, member("cart-1", "cart"))
    assert [one.name for one in found.values(SEEN)] == ["cart-1"]
    assert [endpoint.meshed for endpoint in found.endpoints("web")] == [False]


def test_a_mesh_has_identities_built_in() -> None:
    found = Mesh(member("web-1", "web"), gateway())
    assert spiffe_id(found) == f"{DOMAIN}/ns/shop/sa/web"
    assert spiffe_id(found, ResourceId("Gateway", "shop", "edge")) == f"{DOMAIN}/ns/shop/sa/edge"


def test_the_identity_with_the_most_labels_wins_then_the_first_by_name() -> None:
    found = Mesh(
        member("web-1", "web"),
        mesh_identity("z-all", {}, "/all"),
        mesh_identity("b-web", {"app": "web"}, "/b"),
        mesh_identity("a-web", {"app": "web"}, "/a"),
    )
    assert spiffe_id(found) == f"{DOMAIN}/a"


def test_an_identity_that_picks_nobody_yet_leaves_the_built_in_one() -> None:
    assert spiffe_id(Mesh(member("web-1", "web"), mesh_identity("soon", None))) == f"{DOMAIN}/ns/shop/sa/web"


def test_whom_no_identity_picks_has_none() -> None:
    assert spiffe_id(Mesh(member("web-1", "web"), mesh_identity("cart", {"app": "cart"}))) is None


@pytest.mark.parametrize("path", ['/x/{{ label "absent" }}', '/x/{{ label "app" }}/..'])
def test_a_path_that_gives_no_identity_gives_none(path: str) -> None:
    found = Mesh(member("web-1", "web"))
    found.commit(unvalidated(mesh_identity("all", {}, path)))
    assert spiffe_id(found) is None


def test_an_identity_of_another_namespace_is_nobodys() -> None:
    found = Mesh(member("web-1", "web"))
    own = mesh_identity("mine", {}, "/x")
    own["metadata"]["namespace"] = "shop"
    found.commit(unvalidated(own))
    assert spiffe_id(found) == f"{DOMAIN}/ns/shop/sa/web"


def test_believed_are_the_meshs_own_authority_and_those_that_operators_name() -> None:
    found = Mesh()
    found.commit(
        unvalidated(
            trust("east", "default.east.mesh.local", "EAST"),
            trust("east-too", "default.east.mesh.local", "MORE"),
            trust("hostile", "default.evil.mesh.local", "EVIL", namespace="shop"),
        )
    )
    found.commit({Authority.of("default"): AuthorityState(bundles=(("default.default.mesh.local", b"OWN"),))})
    assert trust_bundle(found.engine.read, "default").authorities == (
        ("default.default.mesh.local", b"OWN"),
        ("default.east.mesh.local", b"EAST\nMORE"),
    )
    assert trust_domains(found.engine.read, "default") == (
        "default.default.mesh.local",
        "default.east.mesh.local",
    )


def test_before_there_is_an_authority_nobody_is_believed() -> None:
    assert trust_bundle(Mesh().engine.read, "default").authorities == ()


def mesh_tls(
    name: str, mode: str, target: Document | None = None, namespace: str = SYSTEM_NAMESPACE
) -> Document:
    spec = {"rules": [{"default": {"mode": mode}}], **({"targetRef": target} if target else {})}
    return document("MeshTLS", name, namespace, spec=spec)


def test_connections_are_taken_strictly_by_tls_1_3() -> None:
    found = shop().inbound("web-1", 8080).tls
    assert found is not None
    assert (found.mode, found.min_version, found.max_version) == ("Strict", "1.3", "1.3")
    assert found.trust_domains == ("default.default.mesh.local",)


def test_the_more_particular_mesh_tls_has_the_last_word() -> None:
    found = shop(
        mesh_tls("all", "Permissive"),
        mesh_tls("web", "Strict", {"kind": "Workload", "labels": {"app": "web"}}),
        mesh_tls("off", "Strict", {"kind": "Workload", "labels": {"app": "none"}}),
    )
    modes = [found.inbound(name, 8080).tls for name in ("web-1", "cart-1")]
    assert [tls and tls.mode for tls in modes] == ["Strict", "Permissive"]


def test_a_namespace_speaks_for_itself_only() -> None:
    found = shop(mesh_tls("own", "Permissive", namespace="bank"))
    tls = found.inbound("web-1", 8080).tls
    assert tls is not None
    assert tls.mode == "Strict"


TO_CART = {"kind": "Workload", "labels": {"app": "cart"}}


def cart_mode(*documents: Document) -> str:
    tls = shop(*documents).inbound("cart-1", 8080).tls
    assert tls is not None
    return tls.mode


def test_owners_cannot_let_in_whom_operators_keep_out() -> None:
    own = mesh_tls("own", "Permissive", TO_CART, namespace=NAMESPACE)
    assert cart_mode(own) == "Permissive"
    assert cart_mode(mesh_tls("all", "Strict"), own) == "Strict"
    assert cart_mode(mesh_tls("all", "Strict"), mesh_tls("cart", "Permissive", TO_CART), own) == "Permissive"


def test_owners_are_stricter_than_operators_if_they_like() -> None:
    assert cart_mode(mesh_tls("all", "Permissive"), mesh_tls("own", "Strict", TO_CART, NAMESPACE)) == "Strict"


def test_owners_cannot_take_older_versions_nor_other_ciphers_than_operators() -> None:
    good, other = "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"

    def taken(oldest: str, *ciphers: str, namespace: str) -> Document:
        default = {"tlsVersion": {"min": oldest}, "tlsCiphers": list(ciphers)}
        return document("MeshTLS", "v", namespace, spec={"rules": [{"default": default}]})

    own = taken("TLS12", good, other, namespace=NAMESPACE)
    found = shop(taken("TLS12", good, namespace=SYSTEM_NAMESPACE), own).inbound("cart-1", 8080).tls
    assert found is not None
    assert (found.min_version, found.ciphers) == ("1.2", (good,))
    found = shop(taken("TLS13", good, namespace=SYSTEM_NAMESPACE), own).inbound("cart-1", 8080).tls
    assert found is not None
    assert found.min_version == "1.3"


def own_authority(**bundled: Any) -> Document:
    return mesh_identity("own", {}, provider={"type": "Bundled", "bundled": bundled})


OWN = {Authority.of("default"): AuthorityState(bundles=(("default.default.mesh.local", b"OWN"),))}


def test_an_authority_that_creates_no_trust_is_believed_when_an_operator_says_so() -> None:
    found = Mesh(own_authority(meshTrustCreation="Disabled"))
    found.commit(OWN)
    assert trust_bundle(found.engine.read, "default").authorities == ()
    found.commit(unvalidated(trust("said", "default.default.mesh.local", "SAID")))
    assert trust_bundle(found.engine.read, "default").authorities == (
        ("default.default.mesh.local", b"SAID"),
    )
    found.apply(own_authority(meshTrustCreation="Enabled"))
    assert trust_bundle(found.engine.read, "default").authorities == (
        ("default.default.mesh.local", b"OWN\nSAID"),
    )


def test_the_roots_of_an_authority_that_is_brought_along_are_believed(tmp_path: Path) -> None:
    BuiltInAuthority(tmp_path / "pki", "default.default.mesh.local")
    chain, key, root = (
        (tmp_path / "pki" / name).read_bytes() for name in ("issuer.crt", "issuer.key", "root.crt")
    )
    data = {
        name: base64.b64encode(value).decode()
        for name, value in (("tls.crt", chain), ("tls.key", key), ("ca.crt", root))
    }
    secret = {**document("Secret", "pki", SYSTEM_NAMESPACE), "type": "kubernetes.io/tls", "data": data}
    found = Mesh(own_authority(ca={"secretRef": {"name": "pki"}}))
    assert bundled_domains(found.engine.read, "default") == ()
    assert trust_bundle(found.engine.read, "default").authorities == ()
    found.apply(secret)
    assert trust_bundle(found.engine.read, "default").authorities == (("default.default.mesh.local", root),)
    assert key not in trust_bundle(found.engine.read, "default").authorities[0][1]
