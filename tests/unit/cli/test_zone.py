"""`sekisho zone`, and zones on the screen of `sekisho status`."""

import shlex
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Api, Said

from sekisho.app.zones.place import Joins
from sekisho.cli.commands import application

Command = Callable[..., Said]


def ago(**parts: float) -> str:
    return (datetime.now(UTC) - timedelta(**parts)).isoformat(timespec="seconds")


def zone(name: str = "gcp", **more: Any) -> dict[str, Any]:
    return {
        "name": name, "joined": True, "connected": True, "since": ago(minutes=3), "version": "0.1.0",
        "lastSync": ago(seconds=40), "proxies": 5, "inSync": 4, "certificateExpires": ago(hours=-20), **more,
    }  # fmt: skip


def shown(*zones: dict[str, Any]) -> dict[str, Any]:
    return {"controlPlane": {"version": "0.1.0", "place": "global"}, "zones": list(zones)}


def test_a_zone_is_made_with_the_files_and_the_command_for_its_host(
    sekisho: Command, api: Api, tmp_path: Path
) -> None:
    api.answers["TokenReview"] = {"token": "sekisho_x_y"}
    said = sekisho("zone", "create", "gcp", "--url", "https://global.acme.corp:7443")
    assert said.code == 0, said.err
    assert api.questions[-1][1] | {"id": ""} == {
        "action": "create", "name": "", "role": "zone", "days": 0, "minutes": 0, "id": "",
        "proxies": ["zone/gcp"],
    }  # fmt: skip
    folder = tmp_path / "zone-gcp"
    assert (folder / "token").read_text() == "sekisho_x_y\n"
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert "BEGIN CERTIFICATE" in (folder / "global-ca.pem").read_text()
    assert "sekisho_x_y" not in said.out + said.err
    assert said.out.strip() == (
        "sekisho control-plane --zone gcp --global https://global.acme.corp:7443 "
        "--global-ca zone-gcp/global-ca.pem --zone-token-file zone-gcp/token"
    )
    assert "good once, and for 60 minutes" in said.err


def test_the_command_that_is_printed_is_one(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"token": "sekisho_x_y"}
    words = shlex.split(sekisho("zone", "create", "gcp", "--url", "https://g.test:7443").out)
    function, bound, _ = application().parse_args(words[1:], exit_on_error=False, print_error=False)
    assert function.__name__ == "control_plane"
    place = bound.arguments["place"].chosen()
    assert place.zone == "gcp"
    assert place.joins == Joins(
        url="https://g.test:7443",
        authority=Path("zone-gcp/global-ca.pem"),
        token_file=Path("zone-gcp/token"),
    )


def test_an_address_that_is_this_host_s_alone_is_noted(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"token": "sekisho_x_y"}
    assert "this host alone" in sekisho("zone", "create", "gcp").err
    assert "this host alone" not in sekisho("zone", "token", "gcp", "--url", "https://g.test:7443").err


@pytest.mark.parametrize("name", ["global", "a.b", "Azure", "-x"])
def test_what_is_no_name_of_a_zone_is_refused(sekisho: Command, name: str) -> None:
    assert sekisho("zone", "create", name).code == 2


def test_a_zone_is_made_once_and_then_given_other_tokens(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"token": "sekisho_x_y"}
    sekisho("zone", "create", "gcp")
    again = sekisho("zone", "create", "gcp")
    assert (again.code, "sekisho zone token gcp" in again.err) == (1, True)
    assert sekisho("zone", "token", "gcp").code == 0
    assert "there is no zone azure" in sekisho("zone", "token", "azure").err


def test_zones_are_disabled_enabled_and_removed(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"token": "sekisho_x_y"}
    sekisho("zone", "create", "gcp")
    assert sekisho("zone", "disable", "gcp").out == "zone gcp disabled\n"
    assert "enabled: false" in sekisho("get", "zone", "gcp", "-o", "yaml").out
    assert sekisho("zone", "enable", "gcp").out == "zone gcp enabled\n"
    assert "enabled: true" in sekisho("get", "zone", "gcp", "-o", "yaml").out
    assert sekisho("zone", "remove", "gcp").out == "zone gcp removed\n"
    for command in ("disable", "enable", "remove", "confirm"):
        said = sekisho("zone", command, "gcp")
        assert (said.code, "there is no zone gcp" in said.err) == (1, True)


def test_where_nothing_waits_nothing_is_confirmed(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"token": "sekisho_x_y"}
    sekisho("zone", "create", "gcp")
    assert "nothing waits" in sekisho("zone", "confirm", "gcp").out
    assert "sekisho.dev/confirm" not in sekisho("get", "zone", "gcp", "-o", "yaml").out


def test_the_list_says_of_each_zone_how_it_is(sekisho: Command, api: Api) -> None:
    new = {"name": "new"}
    off = zone("off", enabled=False, connected=False)
    api.answers["SystemStatus"] = shown(zone(), zone("lost", connected=False), new, off)
    lines = {line.split()[0]: line for line in sekisho("zone", "list").out.splitlines()}
    assert "yes" in lines["gcp"]
    assert "4/5 in sync" in lines["gcp"]
    assert "19h left" in lines["gcp"] or "20h left" in lines["gcp"]
    assert "NO" in lines["lost"].split()
    assert "not joined" in lines["new"]
    assert "disabled" in lines["off"]


def test_the_status_of_global_shows_zones_instead_of_proxies(sekisho: Command, api: Api) -> None:
    api.answers["SystemStatus"] = shown(zone())
    said = sekisho("status")
    assert said.code == 0
    assert "ZONE" in said.out
    assert "GATEWAYS" not in said.out


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ({"connected": False}, "NO"),
        ({"conflicts": ["Timeout/shop/web"]}, "gcp has its own Timeout/shop/web"),
        ({"refused": ["Retry/shop/web: is too new"]}, "gcp does not take Retry/shop/web: is too new"),
        ({"waits": "3 copies are kept"}, "3 copies are kept"),
    ],
)
def test_a_zone_that_needs_a_look_is_one(
    sekisho: Command, api: Api, trouble: dict[str, Any], told: str
) -> None:
    api.answers["SystemStatus"] = shown(zone(**trouble))
    said = sekisho("status")
    assert said.code == 1
    assert told in said.out


def test_a_list_without_zones_says_so(sekisho: Command) -> None:
    said = sekisho("zone", "list")
    assert (said.code, said.out) == (0, "")
    assert "no zones" in said.err


def test_a_zone_that_was_disabled_or_has_not_joined_needs_none(sekisho: Command, api: Api) -> None:
    api.answers["SystemStatus"] = shown({"name": "new"}, zone(enabled=False, connected=False))
    assert sekisho("status").code == 0


def test_the_status_of_a_zone_has_a_line_about_its_link(sekisho: Command, api: Api) -> None:
    link = {
        "url": "https://g.test:7443",
        "connected": True,
        "since": ago(hours=2),
        "lastSync": ago(seconds=5),
    }
    api.answers["SystemStatus"] = {"controlPlane": {"place": "gcp"}, "link": link}
    said = sekisho("status")
    assert said.code == 0
    assert "connected to https://g.test:7443 for 2h" in said.out
    api.answers["SystemStatus"] = {"link": link | {"connected": False, "fault": "it was told to go away"}}
    said = sekisho("status")
    assert said.code == 1
    assert "it was told to go away" in said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "http://shop/cart"),
        ("permissions", "shop/web", "shop/cart"),
        ("config-dump", "--workload", "shop/web-1"),
    ],
)
def test_questions_name_the_zone_that_is_to_answer(
    sekisho: Command, api: Api, arguments: tuple[str, ...]
) -> None:
    answer = {"outcome": "forwarded to shop/cart/80", "allowed": True, "resources": []}
    for kind in ("Explanation", "Permission", "ConfigDump"):
        api.answers[kind] = answer
    sekisho(*arguments, "--zone", "gcp")
    assert api.questions[-1][1]["zone"] == "gcp"


def test_a_dump_of_a_zone_names_whose(sekisho: Command) -> None:
    assert sekisho("config-dump", "--zone", "gcp").code == 2
