"""Tokens are verified where a condition asks for their claims, and nowhere else."""

from tests.kit.tokens import Issuer
from tests.unit.translate.mesh.mesh import mesh, permission, shop
from tests.unit.translate.world import NAMESPACE, Document, document

KEYS = Issuer().keys
BELIEVING = mesh(
    jwtProviders=[
        {"name": "login", "issuer": "https://login", "audiences": ["shop"], "jwks": {"inline": KEYS}}
    ]
)
ROLE = {"claims": [{"name": "role", "value": "buyer"}]}
TO_CART = {"kind": "Service", "name": "cart"}


def limit(*matches: Document) -> Document:
    rate = {"local": {"http": {"requestRate": {"num": 1, "interval": "1s"}}}}
    rules = [{"matches": list(matches), "default": rate}]
    return document("RateLimit", "r", NAMESPACE, spec={"targetRef": TO_CART, "rules": rules})


def test_a_permission_that_names_claims_has_tokens_verified() -> None:
    found = shop(BELIEVING, permission("cart", ROLE, namespace=NAMESPACE), open_to_all=False)
    (issuer,) = found.inbound("cart-1", 8080).token_issuers
    assert (issuer.name, issuer.issuer, issuer.audiences, issuer.keys) == (
        "login", "https://login", ("shop",), KEYS,
    )  # fmt: skip


def test_so_does_any_other_policy_that_does() -> None:
    assert shop(BELIEVING, limit(ROLE)).inbound("cart-1", 8080).token_issuers
    assert not shop(BELIEVING, limit({"methods": ["GET"]})).inbound("cart-1", 8080).token_issuers


def test_nobody_is_believed_whom_the_mesh_does_not_name() -> None:
    assert not shop(permission("cart", ROLE)).inbound("cart-1", 8080).token_issuers
    assert not shop(BELIEVING).inbound("cart-1", 8080).token_issuers
