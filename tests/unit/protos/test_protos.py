"""The descriptors come from the Envoy binary, are complete, and survive a bad cache."""

import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from sekisho import protos
from sekisho.protos import binary, cache, extraction, files

Pretend = Callable[[str], None]


@pytest.fixture
def version_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretend]:
    def pretend(text: str) -> None:
        monkeypatch.setattr(binary, "version", lambda _: text)

    binary.envoy_version.cache_clear()
    yield pretend
    binary.envoy_version.cache_clear()


def test_every_message_of_the_running_envoy_is_known() -> None:
    for name in (
        "envoy.config.bootstrap.v3.Bootstrap",
        "envoy.config.route.v3.ScopedRouteConfiguration",
        "envoy.extensions.filters.http.filter_chain.v3.FilterChainConfigPerRoute",
        "envoy.service.discovery.v3.DeltaDiscoveryRequest",
    ):
        assert protos.message(name).DESCRIPTOR.full_name == name


def test_a_message_class_is_made_once() -> None:
    name = "envoy.config.cluster.v3.Cluster"
    assert protos.message(name) is protos.message(name)


def test_a_message_within_a_message_is_known_by_its_full_name() -> None:
    name = "envoy.config.cluster.v3.Cluster.RingHashLbConfig"
    assert protos.message(name).DESCRIPTOR.containing_type.name == "Cluster"


def test_files_that_nobody_asks_for_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Noted(files.Files):
        def FindFileByName(self, name: str) -> FileDescriptorProto:  # noqa: N802 - protobuf's name
            asked.append(name)
            return super().FindFileByName(name)

    pool = DescriptorPool(Noted(cache.descriptors(protos.envoy_binary())))
    assert pool.FindMessageTypeByName("google.rpc.Status").full_name == "google.rpc.Status"
    assert sorted(asked) == ["google/protobuf/any.proto", "google/rpc/status.proto"]


def test_something_within_a_message_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        protos.message("envoy.config.cluster.v3.Cluster.Nothing")


def test_an_unknown_message_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        protos.message("envoy.config.cluster.v3.Custer")


def test_a_wrong_field_is_refused_by_the_class() -> None:
    with pytest.raises((ValueError, AttributeError)):
        protos.message("envoy.config.cluster.v3.Cluster")(nmae="x")


def test_unpacking_gives_back_what_was_packed() -> None:
    cluster = protos.message("envoy.config.cluster.v3.Cluster")(name="shop/cart/80")
    packed = protos.pack(cluster)
    assert packed.type_url == "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    assert protos.unpack(packed) == cluster


def test_packing_a_map_is_deterministic() -> None:
    struct = protos.message("google.protobuf.Struct")
    forwards, backwards = struct(), struct()
    for key in map(str, range(50)):
        forwards[key] = key
    for key in map(str, reversed(range(50))):
        backwards[key] = key
    assert protos.pack(forwards).value == protos.pack(backwards).value


def test_the_binary_is_the_program_and_reports_the_version_of_the_wheel() -> None:
    said = subprocess.run([protos.envoy_binary(), "--version"], capture_output=True, text=True, check=True)
    assert f"/{protos.envoy_version()}/" in said.stdout


@pytest.mark.parametrize("old", ["1.39.9", "1.9.0", "0.40.1"])
def test_an_envoy_older_than_scopes_with_inline_routes_is_refused(
    version_of_the_wheel: Pretend, old: str
) -> None:
    version_of_the_wheel(old)
    with pytest.raises(binary.UnusableEnvoyError, match=rf"{old} is too old; install .*>=1\.40\.0"):
        binary.envoy_version()


@pytest.mark.parametrize("new", ["1.40.0", "1.40.0.post1", "1.41.2", "2.0.0"])
def test_a_newer_envoy_is_accepted(version_of_the_wheel: Pretend, new: str) -> None:
    version_of_the_wheel(new)
    assert binary.envoy_version() == new


def test_the_cache_is_private_and_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cache.descriptors(protos.envoy_binary(), tmp_path / "new")
    (stored,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600

    monkeypatch.setattr(cache, "extract", lambda _: pytest.fail("the cache was not used"))
    assert cache.descriptors(protos.envoy_binary(), tmp_path / "new") == first


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 100_000])
def test_a_damaged_cache_is_replaced(tmp_path: Path, damage: bytes) -> None:
    first = cache.descriptors(protos.envoy_binary(), tmp_path)
    (stored,) = tmp_path.iterdir()
    good = stored.read_bytes()
    stored.write_bytes(damage)
    assert cache.descriptors(protos.envoy_binary(), tmp_path) == first
    assert stored.read_bytes() == good


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert cache.descriptors(protos.envoy_binary(), tmp_path / "file").file


def test_the_cache_follows_the_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "extract", lambda _: extraction.FileDescriptorSet())
    for number in range(3):
        (tmp_path / "envoy").write_bytes(b"x" * number)
        cache.descriptors(tmp_path / "envoy", tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_the_cache_goes_where_the_base_directory_specification_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache._default_folder() == tmp_path / "sekisho"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/invalid")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache._default_folder() == tmp_path / ".cache" / "sekisho"


def test_a_binary_without_descriptors_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "envoy").write_bytes(b"\x7fELF nothing to see")
    with pytest.raises(extraction.MissingDescriptorsError):
        extraction.extract(tmp_path / "envoy")


def test_a_descriptor_with_a_missing_import_is_an_error(tmp_path: Path) -> None:
    file = extraction.FileDescriptorProto(name="aa/bb.proto", dependency=["aa/missing.proto"])
    (tmp_path / "envoy").write_bytes(b"\0\0" + file.SerializeToString() + b"\0\0")
    with pytest.raises(extraction.MissingDescriptorsError, match=r"aa/missing\.proto"):
        extraction.extract(tmp_path / "envoy")
