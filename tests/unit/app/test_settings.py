"""Settings: flags, then environment, then defaults; bad ones are named."""

from pathlib import Path

import pytest

from sekisho.app import settings
from sekisho.app.settings import Address, BadSetting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:7443", Address("127.0.0.1", 7443)),
        ("[::1]:0", Address("::1", 0)),
        ("host.example:65535", Address("host.example", 65535)),
    ],
)
def test_an_address_parses_and_prints_the_same(text: str, expected: Address) -> None:
    assert Address.parse(text, "--api") == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", "7443", ":7443", "host", "host:", "host:65536", "host:-1", "host:٣"])
def test_what_is_no_address_is_refused_with_the_name_of_the_setting(text: str) -> None:
    with pytest.raises(BadSetting, match="--api"):
        Address.parse(text, "--api")


def test_a_flag_wins_over_the_environment_which_wins_over_the_default() -> None:
    environment = {"SEKISHO_API": "127.0.0.1:1", "SEKISHO_STATE": "/state"}
    assert settings.control_plane(environment={}).api == Address("127.0.0.1", settings.API_PORT)
    assert settings.control_plane(environment=environment).api.port == 1
    assert settings.control_plane(api="127.0.0.1:2", environment=environment).api.port == 2
    assert settings.control_plane(environment=environment).state == Path("/state")
    assert settings.control_plane(state=Path("mine"), environment=environment).kubeconfig == Path(
        "mine/kubeconfig"
    )


def test_the_range_of_gateways_is_none_unless_given() -> None:
    assert settings.control_plane(environment={}).gateways is None
    environment = {"SEKISHO_GATEWAYS": "10.1.0.0/24"}
    assert str(settings.control_plane(environment=environment).gateways) == "10.1.0.0/24"
    assert str(settings.control_plane(gateways="fd00::/64", environment=environment).gateways) == "fd00::/64"


@pytest.mark.parametrize("text", ["10.1.0.0/33", "10.1.0.5/24", "gateways"])
def test_what_is_no_range_is_refused_with_the_name_of_the_setting(text: str) -> None:
    with pytest.raises(BadSetting, match="--gateways"):
        settings.control_plane(gateways=text, environment={})


def test_the_range_of_services_is_reserved_unless_given() -> None:
    assert str(settings.control_plane(environment={}).services) == "241.0.0.0/9"
    environment = {"SEKISHO_SERVICES": "10.96.0.0/12"}
    assert str(settings.control_plane(environment=environment).services) == "10.96.0.0/12"
    assert str(settings.control_plane(services="10.0.0.0/24", environment=environment).services) == (
        "10.0.0.0/24"
    )


@pytest.mark.parametrize("text", ["fd00::/64", "10.0.0.0/25", "8.8.0.0/16", "127.0.0.0/8", "224.0.0.0/8"])
def test_a_range_that_cannot_be_virtual_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match=r"--services: .* is not a private IPv4 range"):
        settings.control_plane(services=text, environment={})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("242.0.0.0/16", "is for virtual addresses of ExternalServices"),
        ("240.0.0.0/4", "is for virtual addresses of ExternalServices"),
        ("10.0.128.0/17", "ends like the virtual addresses of ExternalServices"),
        ("10.0.200.0/24", "ends like the virtual addresses of ExternalServices"),
    ],
)
def test_a_range_in_the_way_of_other_virtual_addresses_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadSetting, match=f"SEKISHO_SERVICES: '{text}' {why}"):
        settings.control_plane(environment={"SEKISHO_SERVICES": text})


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(BadSetting, match="SEKISHO_XDS"):
        settings.agent(environment={"SEKISHO_XDS": "nonsense"})


def test_an_agent_believes_whom_the_rest_of_the_host_is_told_to_believe() -> None:
    told = settings.agent(environment={"SSL_CERT_FILE": "/etc/here.pem"})
    assert (told.authorities, settings.agent(environment={}).authorities) == (Path("/etc/here.pem"), None)


def test_the_agent_uses_the_kubeconfig_that_the_control_plane_of_the_same_state_writes() -> None:
    environment = {"SEKISHO_STATE": "/state"}
    written = settings.control_plane(environment=environment).agent_kubeconfig
    assert settings.agent(environment=environment).kubeconfig == written


def test_the_kubeconfig_is_the_flag_then_the_state_folder_then_the_variable(tmp_path: Path) -> None:
    state, other = tmp_path / "state", tmp_path / "other"
    environment = {"SEKISHO_STATE": str(state), "KUBECONFIG": f"{tmp_path}/absent:{other}"}
    assert settings.kubeconfig(None, environment) is None
    other.write_text("")
    assert settings.kubeconfig(None, environment) == other
    state.mkdir()
    (state / "kubeconfig").write_text("")
    assert settings.kubeconfig(None, environment) == state / "kubeconfig"
    assert settings.kubeconfig(Path("flag"), environment) == Path("flag")


@pytest.mark.parametrize("drain", [-1.0, 3601.0, float("nan")])
def test_a_drain_out_of_bounds_is_refused(drain: float) -> None:
    with pytest.raises(BadSetting, match="--drain"):
        settings.control_plane(drain=drain, environment={})
