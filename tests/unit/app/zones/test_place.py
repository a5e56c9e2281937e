"""A control plane's place: what flags and variables say of it, and the state folder that keeps to it."""

from pathlib import Path

import pytest

from sekisho.app import settings
from sekisho.app.settings import BadSetting
from sekisho.app.zones import place
from sekisho.app.zones.place import Joins, Mode, Place, WrongPlace

CA = Path("global-ca.pem")


def test_without_a_word_it_is_the_zone_default_and_alone() -> None:
    found = settings.place(environment={})
    assert (found.mode, found.zone, found.joins) == (Mode.ZONE, "default", None)
    assert found.trust_domain == "control-plane.default.sekisho.local"


def test_flags_win_over_variables() -> None:
    environment = {
        "SEKISHO_ZONE": "azure",
        "SEKISHO_GLOBAL": "https://global.acme.corp:7443/",
        "SEKISHO_ZONE_TOKEN_FILE": "token",
        "SEKISHO_GLOBAL_CA": "ca.pem",
    }
    joins = Joins(url="https://global.acme.corp:7443", authority=Path("ca.pem"), token_file=Path("token"))
    assert settings.place(environment=environment) == Place(zone="azure", joins=joins)
    assert settings.place(zone="gcp", environment=environment).zone == "gcp"
    assert settings.place(authority=CA, environment=environment).joins == Joins(
        url=joins.url, authority=CA, token_file=joins.token_file
    )


def test_a_global_control_plane_is_called_so() -> None:
    found = settings.place(environment={"SEKISHO_MODE": "global"})
    assert (found.name, found.trust_domain) == ("global", "control-plane.global.sekisho.local")


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"mode": "galaxy"}, "--mode"),
        ({"zone": "global"}, "--zone"),
        ({"zone": "a.b"}, "--zone"),
        ({"zone": "Azure"}, "--zone"),
        ({"zone": "z" * 64}, "--zone"),
        ({"mode": "global", "zone": "azure"}, "--zone"),
        ({"mode": "global", "global_url": "https://g:7443", "authority": CA}, "--global"),
        ({"global_url": "http://g:7443", "authority": CA}, "--global"),
        ({"global_url": "https://g:7443/path", "authority": CA}, "--global"),
        ({"global_url": "https://g:7443"}, "--global-ca"),
        ({"token_file": Path("token")}, "--global"),
    ],
)
def test_what_cannot_be_is_refused_with_the_flag(flags: dict[str, object], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        settings.place(environment={}, **flags)  # type: ignore[arg-type]


def test_a_state_folder_is_one_zone_s_for_good(tmp_path: Path) -> None:
    place.claim(tmp_path, Place(zone="azure"))
    place.claim(tmp_path, Place(zone="azure"))
    with pytest.raises(WrongPlace, match="is the state of the zone azure, and this is to be the zone gcp"):
        place.claim(tmp_path, Place(zone="gcp"))
    with pytest.raises(WrongPlace, match="to be the global one"):
        place.claim(tmp_path, Place(mode=Mode.GLOBAL))


def test_a_folder_from_before_there_were_zones_is_the_default_zone_s(tmp_path: Path) -> None:
    (tmp_path / "authority").mkdir()
    with pytest.raises(WrongPlace, match="the state of the zone default"):
        place.claim(tmp_path, Place(zone="azure"))
    place.claim(tmp_path, Place())
