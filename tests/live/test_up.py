"""`sekisho up` as a person uses it: the shop on free ports, edited, broken, killed and ended."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.example import PATIENCE, Example
from tests.kit.shop import faults
from tests.kit.system import promised
from tests.kit.wait import wait_until

pytestmark = pytest.mark.live


@pytest.fixture
def site() -> Iterator[Example]:
    site = Example()
    try:
        yield site
    finally:
        site.clean_up()


def test_a_folder_is_served_follows_edits_and_ends_without_leftovers(site: Example) -> None:
    site.up_and_following()
    assert asyncio.run(faults(f"http://127.0.0.1:{site.port}")) == []

    site.edit("cart.yaml", "value: shop", "value: another")
    wait_until(
        lambda: site.get("/cart").json()["request"]["headers"]["x-door"] == "another", "the edit serves"
    )

    site.edit("moved.yaml", "hostnames:", "hostname:")
    wait_until(lambda: 'unknown field "hostname"' in site.said(), "the mistake is told")
    assert re.search(r'shop/moved\.yaml:\d+: spec\.hostname: .*did you mean "hostnames"\?', site.said())
    assert site.get("/basket/7").status_code == 301

    site.edit("sekisho.toml", "[[certificate]]", "# Mine.\n[[certificate]]")
    wait_until(lambda: "sekisho.toml counts from the next start on" in site.said(), "it is told")

    (site.folder / "moved.yaml").unlink()
    wait_until(lambda: site.get("/basket/7").status_code == 404, "a removed file's route is gone")

    assert len(site.processes()) > 5
    assert site.end() < promised(5)
    assert site.processes() == []


def test_what_dies_is_started_again_and_a_second_run_finds_its_state(site: Example) -> None:
    site.up_and_following()
    control_plane = next(p for p in site.processes() if "control-plane" in p.cmdline())
    control_plane.kill()
    wait_until(lambda: "control plane ended" in site.said(), "the end is told")
    assert site.get("/cart").status_code == 200  # Envoy goes on meanwhile
    site.edit("cart.yaml", "value: shop", "value: again")
    wait_until(
        lambda: site.get("/cart").json()["request"]["headers"]["x-door"] == "again", "edits serve again"
    )
    site.end()
    (site.folder / "cart.yaml").unlink()
    site.up_and_following()
    assert site.get("/catalog").status_code == 200
    assert site.get("/cart").status_code == 404  # removed while nothing ran
    site.end()


def test_a_second_up_on_the_same_state_says_who_holds_it(site: Example) -> None:
    site.up_and_following()
    second = subprocess.run(
        [sys.executable, "-m", "sekisho.cli", "up", "shop"], cwd=site.root, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert "is in use by process" in second.stderr
    assert "Traceback" not in second.stderr
    site.end()


def test_a_busy_port_of_a_service_is_named_before_anything_starts(site: Example) -> None:
    port = int(re.findall(r"port = (\d+)", (site.folder / "sekisho.toml").read_text())[0])
    with socket.create_server(("127.0.0.1", port)):
        process = site.up()
        assert process.wait(PATIENCE) == 1
    assert f"port {port} on 127.0.0.1 for service cart" in site.said()
    assert "Traceback" not in site.said()
    assert site.processes() == []


def test_everything_ends_when_up_is_killed(site: Example) -> None:
    site.up_and_following()
    assert site.process is not None
    site.process.kill()
    site.process.wait()
    wait_until(lambda: site.processes() == [], "all parts are gone")


def test_whoever_asks_twice_leaves_no_proxy_behind(site: Example) -> None:
    """Not even where the first Ctrl-C has to wait, for a connection that somebody keeps."""
    site.up_and_following()
    assert site.process is not None
    with socket.create_connection(("127.0.0.1", site.port)) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\n")
        site.process.send_signal(signal.SIGINT)
        wait_until(lambda: "ending" in site.said(), "the first one is heeded")
        site.process.send_signal(signal.SIGINT)
        site.process.wait(PATIENCE)
    assert "Traceback" not in site.said()
    wait_until(lambda: site.processes() == [], "all parts are gone")


WITHOUT_RIGHTS = (
    ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--") if os.geteuid() == 0 else ()
)
"""Leaves root nothing that another user has not: no capability, and none to be had."""


@pytest.mark.skipif(bool(WITHOUT_RIGHTS) and shutil.which("setpriv") is None, reason="there is no setpriv")
@pytest.mark.parametrize("example", ["shop", "mesh"])
def test_it_needs_no_rights_of_root(example: str) -> None:
    site = Example(example)
    try:
        site.up_and_following(*WITHOUT_RIGHTS)
        assert site.process is not None
        everything = site.processes()
        assert any("envoy" in one.name() for one in everything)
        for one in everything:
            status = Path(f"/proc/{one.pid}/status").read_text()
            assert re.search(r"CapEff:\s*0+$", status, re.MULTILINE), one
        assert site.get("/cart" if example == "shop" else "/items").status_code == 200
        assert site.end() < promised(5)
    finally:
        site.clean_up()
