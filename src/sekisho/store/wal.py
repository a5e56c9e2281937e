"""Looking at SQLite's write-ahead log for commits that SQLite would silently skip.

SQLite replays the log up to the first frame that does not add up and takes the rest for the remains of a
crash. After a crash that is right. After damage it drops acknowledged writes; with a damaged header, all.
The format is https://www.sqlite.org/fileformat2.html#walformat.
"""

import struct

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683


def damage(log: bytes, replayed: int) -> str | None:
    """What was damaged in a log of which SQLite replays `replayed` frames; None when nothing was.

    The one commit that follows may be one that a power cut tore before it was acknowledged. The next is only
    written once the one before it is safe, so a second one behind the first proves that the first was whole
    once. Damage in the very last commit, or a cut right at the end of one, cannot be told from a crash.
    """
    if len(log) < _HEADER.size:
        return None
    magic, _, page_size, _, *salts, first, second = _HEADER.unpack_from(log)
    byte_order = {_MAGIC_LITTLE: "<", _MAGIC_BIG: ">"}.get(magic)
    if byte_order is None or _checksum(log[:24], byte_order) != (first, second):
        return "the header of its write-ahead log is damaged"
    step = _FRAME.size + page_size
    starts = range(_HEADER.size + replayed * step, len(log) - step + 1, step)
    frames = (_FRAME.unpack_from(log, start) for start in starts)
    behind = [(page, commit != 0) for page, commit, *frame_salts, _, _ in frames if frame_salts == salts]
    while behind and not behind[-1][1]:
        behind.pop()  # left by a transaction that was given up
    pages = {page for page, _ in behind}
    # One commit ends with one mark and writes no page twice; the second test is for a mark that was damaged.
    several = sum(is_end for _, is_end in behind) > 1 or len(pages) < len(behind)
    return "its write-ahead log is damaged in the middle" if several else None


def _checksum(data: bytes, byte_order: str) -> tuple[int, int]:
    """The running pair of sums over 32-bit words that the log's header ends with."""
    first = second = 0
    words = struct.unpack(f"{byte_order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
