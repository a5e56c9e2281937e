"""The line of a field in a file of this host; that of its resource where the file says something else."""

from pathlib import Path

import pytest

from sekisho.cli.written import line_of

TEXT = """\
apiVersion: v1
kind: Service
metadata:
  name: cart
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: cart
spec:
  rules:
    - timeouts:
        request: 1s
"""
ROUTE = "HTTPRoute/shop/cart"


@pytest.mark.parametrize(
    ("line", "origin", "found"),
    [
        (6, f"{ROUTE} spec.rules[0].timeouts.request", 13),
        (6, f"{ROUTE} spec.rules[0].backendRefs[0]", 12),
        (6, ROUTE, 6),
        (6, "HTTPRoute/shop/other spec.rules[0]", 6),
        (6, "GRPCRoute/shop/cart spec.rules[0]", 6),
        (5, f"{ROUTE} spec.rules[0]", 5),
    ],
)
def test_the_line_of_a_field(tmp_path: Path, line: int, origin: str, found: int) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(TEXT)
    assert line_of(str(file), line, origin) == found


@pytest.mark.parametrize("text", [None, "a: [", "- 1\n", "x" * 10, "\x00"])
def test_what_is_no_file_of_resources_changes_nothing(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "shop.yaml"
    if text is not None:
        file.write_text(text)
    assert line_of(str(file), 1, f"{ROUTE} spec.rules[0]") == 1
    assert line_of(str(tmp_path), 1, f"{ROUTE} spec.rules[0]") == 1
    assert line_of("/dev/zero", 1, f"{ROUTE} spec.rules[0]") == 1
