"""`sekisho.toml` and what comes of it."""

import asyncio
import base64
import socket
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509

from sekisho.app import ports
from sekisho.app.folder import programs, sekisho_toml
from sekisho.app.identities import selfsigned
from sekisho.app.lock import Busy, exclusive
from sekisho.model.document import check
from sekisho.model.problems import Invalid

EXAMPLES = Path(__file__).parents[4] / "examples"

GOOD = """
[[service]]
name = "cart"
command = ["python", "cart.py"]
port = 9001

[[certificate]]
secret = "shop/tls"
hostnames = ["a.example"]
"""


def test_services_and_certificates_are_read(tmp_path: Path) -> None:
    (tmp_path / sekisho_toml.FILE).write_text(GOOD)
    found = sekisho_toml.read(tmp_path)
    assert found.services[0].port == 9001
    assert found.certificates[0].hostnames == ("a.example",)


def test_a_folder_without_the_file_needs_nothing(tmp_path: Path) -> None:
    assert sekisho_toml.read(tmp_path) == sekisho_toml.Needs()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("port = 9001", "port = 0", [":5: service[0].port: expected 1 to 65535, found 0"]),
        (
            "port = 9001",
            "prot = 9001",
            [
                ':5: service[0].prot: unknown field "prot" (did you mean "port"?)',
                ":2: service[0].port: is required",
            ],
        ),
        (
            '"cart"',
            '"Cart"',
            [':3: service[0].name: expected text that matches ^[a-z0-9-]{1,63}$, found "Cart"'],
        ),
        ("[[service]]", "[[service", [":2: not TOML: Expected ']]' at the end of an array declaration"]),
        ("[[service]]", "[[services]]", [':2: services: unknown field "services" (did you mean "service"?)']),
        ('["a.example"]', "[]", [":9: certificate[0].hostnames: expected at least 1 item, found 0"]),
    ],
)
def test_mistakes_are_told_with_file_and_line(
    tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    (tmp_path / sekisho_toml.FILE).write_text(GOOD.replace(old, new))
    with pytest.raises(Invalid) as refused:
        sekisho_toml.read(tmp_path)
    for found, told in zip(map(str, refused.value.problems), expected, strict=True):
        assert found.startswith(f"{tmp_path / sekisho_toml.FILE}{told}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[[service]]\nport = 1\n[[ service ]]\nport = "x"\n', 4),
        ('[[service]]\nport = 1\n[["service"]]\nport = "x"\n', 1),
        ('service = [{port = 1}, {port = "x"}]\n', 1),
    ],
)
def test_who_writes_tables_in_another_way_is_told_what_is_wrong_all_the_same(
    tmp_path: Path, text: str, line: int
) -> None:
    (tmp_path / sekisho_toml.FILE).write_text(text)
    with pytest.raises(Invalid) as refused:
        sekisho_toml.read(tmp_path)
    (wrong,) = (one for one in refused.value.problems if one.path == "service[1].port")
    assert wrong.line == line


def test_python_is_our_python_and_everything_else_itself(tmp_path: Path) -> None:
    service = sekisho_toml.Service(name="cart", command=("python", "cart.py"), port=9001)
    command = programs.command(service, tmp_path, tmp_path / "logs")
    assert command.arguments == (sys.executable, "cart.py")
    assert command.folder == tmp_path
    other = sekisho_toml.Service(name="cart", command=("node", "cart.js"), port=9001)
    assert programs.command(other, tmp_path, tmp_path).arguments == ("node", "cart.js")


async def test_a_service_answers_once_it_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        service = sekisho_toml.Service(name="a", command=("a",), port=listening.getsockname()[1])
        async with asyncio.timeout(60):
            assert await programs.answers(service)


def test_a_busy_port_is_named_with_its_purpose() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(
            ports.PortBusy, match=f"port {port} on 127.0.0.1 for the API: Address already in use"
        ):
            ports.check("127.0.0.1", port, "the API")
    ports.check("127.0.0.1", port, "the API")
    ports.check("127.0.0.1", 0, "the API")


def test_a_self_signed_secret_is_valid_and_serves(tmp_path: Path) -> None:
    secret = selfsigned.secret("shop", "tls", ["a.example", "127.0.0.1"])
    check("Secret", secret)
    pem = tmp_path / "pem"
    pem.write_bytes(b"".join(base64.b64decode(secret["data"][key]) for key in ("tls.crt", "tls.key")))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pem)
    names = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"])).extensions
    found = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["a.example"]


def test_a_kept_secret_is_used_while_it_fits_and_lasts(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    assert selfsigned.kept(path, ["a.example"]) is None
    secret = selfsigned.secret("shop", "tls", ["a.example"])
    path.write_bytes(msgspec.json.encode(secret))
    assert selfsigned.kept(path, ["a.example"]) == secret
    assert selfsigned.kept(path, ["b.example"]) is None
    assert selfsigned.kept(path, ["a.example"], datetime.now(UTC) + timedelta(days=70)) is None
    path.write_text("{}")
    assert selfsigned.kept(path, ["a.example"]) is None


def test_a_lock_is_held_by_one_and_free_after_it(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "lock"),
        pytest.raises(Busy, match="is in use by process"),
        exclusive(tmp_path / "lock"),
    ):
        raise AssertionError("two hold it")
    with exclusive(tmp_path / "lock"):
        pass


def test_no_two_examples_want_the_same_port_so_that_they_and_the_demo_run_side_by_side() -> None:
    folders = sorted({path.parent for path in EXAMPLES.rglob("sekisho.toml")})
    ports = [service.port for folder in folders for service in sekisho_toml.read(folder).services]
    assert len(folders) > 5
    assert sorted(set(ports)) == sorted(ports)
