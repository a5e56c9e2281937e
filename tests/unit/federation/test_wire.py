"""`sekisho.federation.wire` and `messages`: lines that can be read at once, and bounded batches."""

import zlib

import msgspec
import pytest

from sekisho.federation import wire
from sekisho.federation.messages import MOST_BYTES, MOST_CHANGES, Batch, Change, Upload, batches
from sekisho.model.names import ResourceId


def change(number: int, size: int = 10) -> Change:
    return Change(ResourceId("Timeout", "shop", f"t{number}"), b'{"a":"%s"}' % (b"x" * size))


def test_each_line_is_readable_as_soon_as_it_was_sent() -> None:
    deflater, inflater, lines = wire.Deflater(), zlib.decompressobj(wbits=31), wire.Lines()
    for number in range(3):
        sent = Batch(token=f"a.{number}", puts=(msgspec.Raw(b'{"n":1}'),))
        (line,) = lines.feed(inflater.decompress(deflater.line(sent)))
        assert msgspec.json.decode(line, type=Batch).token == sent.token
    inflater.decompress(deflater.end())
    assert inflater.eof


def test_what_was_said_before_is_said_again_in_few_bytes() -> None:
    deflater = wire.Deflater()
    batch = Batch(token="a.1", puts=(msgspec.Raw(b'{"spec":"%s"}' % bytes(range(40, 90))),))
    first, second = deflater.line(batch), deflater.line(batch)
    assert len(second) < len(first) / 2


def test_a_body_comes_back() -> None:
    upload = Upload(batch=Batch(token="a.1"), after="a.0")
    assert msgspec.json.decode(wire.inflated(wire.compressed(upload)), type=Upload) == upload


@pytest.mark.parametrize("body", [b"", b"{}", b"\x1f\x8b", wire.compressed(Upload())[:-5]])
def test_what_is_no_whole_body_is_refused(body: bytes) -> None:
    with pytest.raises(wire.Malformed):
        wire.inflated(body)


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    with pytest.raises(wire.Malformed, match="too long"):
        wire.inflated(zlib.compress(bytes(2 * wire.LARGEST_MESSAGE), wbits=31))
    lines = wire.Lines()
    assert list(lines.feed(bytes(wire.LARGEST_MESSAGE))) == []
    with pytest.raises(wire.Malformed, match="too long"):
        list(lines.feed(b"x"))


@pytest.mark.parametrize(("number", "size", "expected"), [(0, 1, 1), (MOST_CHANGES, 1, 1),
                         (MOST_CHANGES + 1, 1, 2), (3, MOST_BYTES, 3), (4, MOST_BYTES // 3, 2)])  # fmt: skip
def test_batches_are_bounded_and_only_the_last_one_is_where_to_resume(
    number: int, size: int, expected: int
) -> None:
    changes = [change(n, size) for n in range(number)]
    changes += [Change(ResourceId("Timeout", "shop", "gone"), None)] if number == 4 else []
    found = list(batches(changes, "a.9", continues=True))
    assert len(found) == expected
    assert [batch.token for batch in found] == [""] * (expected - 1) + ["a.9"]
    assert [batch.listing for batch in found] == ["part"] * (expected - 1) + ["end"]
    assert sum(len(batch.puts) + len(batch.gone) for batch in found) == len(changes)
    assert all(batch.listing == "" for batch in batches(changes, "a.9"))
