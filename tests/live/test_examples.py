"""Every example is run by `sekisho up`, and keeps what its README and comments promise."""

import re
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest
from tests.kit.example import EXAMPLES, NO_TLS, PATIENCE, Example
from tests.kit.system import promised
from tests.kit.wait import wait_until

pytestmark = pytest.mark.live

TESTED = {"shop", "routing", "tls", "traffic-splitting", "mesh", "acme"}
"""The shop is run by test_up.py, acme by test_demo.py, mesh by test_mesh_example.py, the others here."""


@pytest.fixture
def example(request: pytest.FixtureRequest) -> Iterator[Example]:
    """A running example that nobody had to say anything about."""
    example = Example(request.param)
    try:
        example.up_and_following()
        assert "error" not in example.said()
        assert not re.search(r"\.yaml:\d+:", example.said()), example.said()
        yield example
        assert example.end() < promised(5)
        assert example.processes() == []
    finally:
        example.clean_up()


def ask(
    example: Example, host: str, target: str = "/", method: str = "GET", **headers: str
) -> httpx2.Response:
    """One request, no redirect followed. `x_team` is the header x-team."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://127.0.0.1:{example.port}{target}"
    more = {"trust_env": False, "verify": NO_TLS, "timeout": 30}
    return httpx2.request(method, url, headers={"Host": host, **named}, **more)


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == TESTED


@pytest.mark.parametrize("example", ["routing"], indirect=True)
def test_routing(example: Example) -> None:
    for target, method, headers, status in (
        ("/about", "GET", {}, 200),
        ("/about/us", "GET", {}, 404),
        ("/files", "GET", {}, 200),
        ("/files/a", "GET", {}, 200),
        ("/filesystem", "GET", {}, 404),
        ("/item/42", "GET", {}, 200),
        ("/item/none", "GET", {}, 404),
        ("/orders", "GET", {}, 404),
        ("/orders?debug=true", "GET", {}, 200),
        ("/orders", "POST", {"x_team": "fulfilment"}, 200),
        ("/orders", "POST", {"x_team": "sales"}, 404),
    ):
        found = ask(example, "match.example.com", target, method, **headers)
        assert found.status_code == status, f"{method} {target} {headers}: {found.status_code}"

    changed = ask(example, "filter.example.com", "/headers", cookie="secret=1")
    seen = changed.json()["request"]["headers"]
    assert (seen["x-tenant"], seen["x-seen-by"]) == ("acme", "routing")
    assert "cookie" not in seen
    assert changed.headers["cache-control"] == "no-store"
    rewritten = ask(example, "filter.example.com", "/old/a").json()["request"]
    assert (rewritten["path"], rewritten["headers"]["host"]) == ("/new/a", "inner.example.com")
    redirected = ask(example, "filter.example.com", "/elsewhere")
    assert (redirected.status_code, redirected.headers["location"]) == (
        301,
        "https://www.example.com/elsewhere",
    )
    keeps_cross_origin_rules(example)
    is_patient(example)


def keeps_cross_origin_rules(example: Example) -> None:
    for origin, allowed in (
        ("https://app.example.com", True),
        ("https://7.preview.example.com", True),
        ("https://evil.example", False),
    ):
        plain = ask(example, "cors.example.com", origin=origin)
        assert plain.headers.get("access-control-allow-origin") == (origin if allowed else None)
        preflight = ask(
            example, "cors.example.com", "/", "OPTIONS", origin=origin, access_control_request_method="POST"
        )
        assert ("access-control-allow-origin" in preflight.headers) is allowed
        if allowed:
            assert preflight.headers["access-control-max-age"] == "600"


def is_patient(example: Example) -> None:
    assert ask(example, "patience.example.com", "/slow").status_code == 504
    as_it_is = [ask(example, "patience.example.com").status_code for _ in range(6)]
    assert Counter(as_it_is) == {200: 3, 503: 3}
    assert {ask(example, "patience.example.com", "/steady").status_code for _ in range(6)} == {200}


@pytest.mark.parametrize("example", ["tls"], indirect=True)
def test_tls(example: Example) -> None:
    port = example.ports["8443"]
    for host in ("one.example.com", "two.example.com", "team.example.com"):
        redirected = ask(example, host, "/a")
        assert redirected.status_code == 301
        assert redirected.headers["location"] == f"https://{host}:{port}/a"
        assert example.get_over_tls(host, "/").json()["service"] == "echo"
    assert certificate(port, "one.example.com") != certificate(port, "two.example.com")

    before = certificate(port, "one.example.com")
    replace_certificate(example, "one.example.com", "one-tls")
    wait_until(lambda: certificate(port, "one.example.com") != before, "the new certificate is presented")


def certificate(port: int, host: str) -> bytes:
    """What is presented to who asks for `host` (DER)."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        found = tls.getpeercert(binary_form=True)
    assert found
    return found


def replace_certificate(example: Example, host: str, name: str) -> None:
    """As tls/README.md says."""
    sekisho = [sys.executable, "-m", "sekisho.cli"]
    made = subprocess.run(
        [*sekisho, "certificate", host, "--name", name],
        capture_output=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    applied = subprocess.run(
        [*sekisho, "apply", "--force", "-f", "-"],
        input=made.stdout, cwd=example.root, capture_output=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert applied.returncode == 0, applied.stderr


@pytest.mark.parametrize("example", ["traffic-splitting"], indirect=True)
def test_traffic_splitting(example: Example) -> None:
    def answers(host: str, count: int, **headers: str) -> Counter[str]:
        return Counter(ask(example, host, **headers).json()["service"] for _ in range(count))

    assert answers("canary.example.com", 10, x_canary="true") == {"v2": 10}
    # A fair draw of 5 % misses this range once in ten million times.
    assert 0 < answers("canary.example.com", 400)["v2"] < 60

    example.edit("canary.yaml", "weight: 95", "weight: 0")
    wait_until(lambda: answers("canary.example.com", 5) == {"v2": 5}, "the edited weights count")

    log = example.root / ".sekisho" / "logs" / "service-v2.log"
    before = log.read_text().count("GET")
    assert answers("mirror.example.com", 40) == {"v1": 40}
    wait_until(lambda: log.read_text().count("GET") > before, "v2 sees mirrored requests")
    assert log.read_text().count("GET") - before < 40
