"""The stages of a rotation, over every order in which things can happen."""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

import msgspec
import pytest

from sekisho.identity.trust import OutOfOrder, Stage, Trust, abort, advance, begin

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
STEADY = Trust(since=NOW)


class Proxy(NamedTuple):
    """What a proxy holds."""

    believes: tuple[int, ...]
    certificate: int


class World(NamedTuple):
    """A mesh during a rotation: the control plane's trust, two proxies and whether each is connected."""

    trust: Trust
    proxies: tuple[Proxy, ...]
    connected: tuple[bool, ...]
    rotations: int


FIRST = World(STEADY, (Proxy((1,), 1),) * 2, (True, True), 0)


def changed(world: World, index: int, proxy: Proxy) -> World:
    proxies = tuple(proxy if each == index else kept for each, kept in enumerate(world.proxies))
    return world._replace(proxies=proxies)


def gate_is_open(world: World) -> bool:
    """As `control.trust` waits: for acknowledgements, then for renewals, of all that hold certificates."""
    trust = world.trust
    match trust.stage:
        case Stage.PUBLISHED:
            return all(set(proxy.believes) == set(trust.bundle) for proxy in world.proxies)
        case Stage.ACTIVE:
            return all(proxy.certificate == trust.signing for proxy in world.proxies)
        case Stage.RETIRED:
            online = (proxy for proxy, up in zip(world.proxies, world.connected, strict=True) if up)
            return all(set(proxy.believes) == set(trust.bundle) for proxy in online)
        case _:
            return True


def next_worlds(world: World) -> Iterator[World]:
    """Everything that can happen next, one thing at a time."""
    trust = world.trust
    for index, proxy in enumerate(world.proxies):
        flipped = tuple(up ^ (each == index) for each, up in enumerate(world.connected))
        yield world._replace(connected=flipped)
        if world.connected[index]:
            yield changed(world, index, proxy._replace(believes=trust.bundle))
            yield changed(world, index, proxy._replace(certificate=trust.signing))
    restarted = msgspec.json.decode(msgspec.json.encode(trust), type=Trust)
    yield world._replace(trust=restarted)
    if trust.stage is Stage.STEADY and world.rotations < 2:
        yield world._replace(trust=begin(trust, NOW), rotations=world.rotations + 1)
    if trust.stage not in {Stage.STEADY, Stage.RETIRED}:
        yield world._replace(trust=abort(trust, NOW))
    if gate_is_open(world):
        yield world._replace(trust=advance(trust, NOW))


def all_worlds() -> set[World]:
    seen, waiting = {FIRST}, deque([FIRST])
    while waiting:
        for following in next_worlds(waiting.popleft()):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return seen


def test_in_every_order_of_events_proxies_believe_each_other_s_certificates() -> None:
    worlds = all_worlds()
    stages = {world.trust.stage for world in worlds}
    assert stages == set(Stage)
    for world in worlds:
        for proxy in world.proxies:
            assert all(other.certificate in proxy.believes for other in world.proxies), world


def test_every_generation_that_somebody_uses_is_kept() -> None:
    for world in all_worlds():
        assert all(proxy.certificate in world.trust.kept for proxy in world.proxies), world


def test_a_generation_is_never_used_again() -> None:
    dropped = abort(begin(STEADY, NOW), NOW)
    assert begin(dropped, NOW).other == 3


def test_a_rotation_goes_through_its_stages_in_order() -> None:
    seen = [STEADY, begin(STEADY, LATER)]
    while seen[-1].stage is not Stage.STEADY:
        seen.append(advance(seen[-1], LATER))
    assert [trust.stage for trust in seen] == [*Stage, Stage.STEADY]
    assert [trust.bundle for trust in seen] == [(1,), (1,), (1, 2), (2, 1), (2,), (2,)]
    assert [trust.renew_before for trust in seen] == [None, None, None, LATER, LATER, LATER]
    assert all(later.newest >= earlier.newest for earlier, later in pairwise(seen))


def test_steady_trust_does_not_advance() -> None:
    assert advance(STEADY, LATER) == STEADY


def test_a_rotation_that_signs_already_is_taken_back_by_renewing_with_the_old_root() -> None:
    active = advance(advance(begin(STEADY, NOW), NOW), NOW)
    back = abort(active, LATER)
    assert (back.stage, back.signing, back.other) == (Stage.ACTIVE, 1, 2)
    assert back.renew_before == LATER
    assert abort(back, LATER).signing == 2


@pytest.mark.parametrize("steps", [0, 4])
def test_what_cannot_be_aborted_says_so(steps: int) -> None:
    trust = begin(STEADY, NOW) if steps else STEADY
    for _ in range(steps - 1):
        trust = advance(trust, NOW)
    with pytest.raises(OutOfOrder):
        abort(trust, NOW)


def test_a_second_rotation_waits_for_the_first() -> None:
    with pytest.raises(OutOfOrder, match="under way"):
        begin(begin(STEADY, NOW), NOW)
