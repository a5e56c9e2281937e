"""The story that examples/mesh/README.md tells, step by step."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest
from tests.kit.example import NO_TLS, Example
from tests.kit.system import log_lines, promised
from tests.kit.wait import wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def example() -> Iterator[Example]:
    example = Example("mesh")
    try:
        example.up_and_following()
        yield example
        assert example.end() < promised(5)
        assert example.processes() == []
    finally:
        example.clean_up()


def get(example: Example) -> httpx2.Response:
    return httpx2.get(f"http://localhost:{example.port}/items", trust_env=False, verify=NO_TLS, timeout=10)


def remove_stock_permission(example: Example) -> None:
    path = example.folder / "permissions.yaml"
    documents = path.read_text().split("---\n")
    kept = [one for one in documents if "kind: TrafficPermission" not in one or "name: stock\n" not in one]
    assert len(kept) == len(documents) - 1
    path.write_text("---\n".join(kept))


def explained(example: Example) -> str:
    command = [sys.executable, "-m", "sekisho.cli", "explain", f"http://localhost:{example.port}/items"]
    command += ["--kubeconfig", str(example.root / ".sekisho" / "kubeconfig")]
    done = subprocess.run(command, cwd=example.root, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_the_way_in_leads_through_four_proxies_and_each_service_sees_its_caller(example: Example) -> None:
    answer = get(example)
    assert answer.status_code == 200, answer.text
    frontend = answer.json()
    services = (frontend, frontend["catalog"], frontend["catalog"]["stock"])
    callers = [each["caller"].rpartition("URI=")[2].rpartition("/ns/")[2] for each in services]
    assert callers == ["shop/sa/door", "shop/sa/frontend", "shop/sa/catalog"]


def test_nobody_gets_past_a_sidecar_without_an_identity_and_who_tries_is_written_down(
    example: Example,
) -> None:
    hosts = ("127.0.12.1", "127.0.12.2", "127.0.12.3")
    for host in hosts:
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"http://{host}:{example.ports['9050']}/", trust_env=False, timeout=5)
    log = example.root / ".sekisho" / "logs" / "agent.log"

    def told() -> bool:
        lines = [one for one in log_lines(log) if one["event"] == "a connection was refused"]
        where = {line["at"].partition(":")[0] for line in lines if line["why"] == "it speaks no TLS"}
        return where >= set(hosts)

    wait_until(told, "all three are in the agent's log")


def test_explain_names_who_decides_on_the_way(example: Example) -> None:
    said = explained(example)
    for word in ("HTTPRoute/shop/frontend", "shop/frontend", "TrafficPermission/shop/frontend"):
        assert word in said, said


def test_permissions_hold_from_the_next_request_on_and_nothing_is_restarted(example: Example) -> None:
    before = {process.pid for process in example.processes()}
    original = (example.folder / "permissions.yaml").read_text()
    for edit in (
        lambda: example.edit("permissions.yaml", "[GET]", "[POST]"),
        lambda: remove_stock_permission(example),
    ):
        edit()
        wait_until(lambda: get(example).status_code == 502, "who is not permitted is refused")
        (example.folder / "permissions.yaml").write_text(original)
        wait_until(lambda: get(example).status_code == 200, "who is permitted is let in")
    assert {process.pid for process in example.processes()} == before


def test_a_killed_sidecar_comes_back_by_itself(example: Example) -> None:
    envoys = [each for each in example.processes() if "--config-path" in each.cmdline()]
    assert len(envoys) == 4
    for envoy in envoys:
        envoy.kill()

    def serves() -> bool:
        with suppress(httpx2.TransportError):
            return get(example).status_code == 200
        return False

    wait_until(serves, "all four serve again")
