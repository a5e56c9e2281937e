"""The call table on the pure pipeline: manifests, checks, translation, simulator."""

from collections.abc import Iterable

import pytest
from tests.kit.site import Site
from tests.traffic.certificate import tls_secret
from tests.traffic.table import Row, Table, load

from sekisho.ir.calls import Answered, Refused, Sent, Target
from sekisho.ir.simulator import edited

TABLE = Table(load())
ROWS = [pytest.param(row, id=f"{topic.name}: {row.send}") for topic in TABLE.topics for row in topic.rows]


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(*TABLE.manifests(tls_secret(TABLE.tls_hosts)[0]))


@pytest.mark.parametrize("row", ROWS)
def test_the_simulator_gives_the_outcome(site: Site, row: Row) -> None:
    match site.verdict(row.call).outcome:
        case Refused():
            assert row.refused
        case Answered() as answered:
            assert (answered.status, row.refused, row.backend, row.tried) == (row.status, False, "", "")
            assert row.location in (None, answered.location)
            assert_headers(answered.headers, row.answers)
        case Sent() as sent:
            assert not row.refused
            assert_sent(row, sent)


def assert_sent(row: Row, sent: Sent) -> None:
    shares = {_name(target): target.share.weight for target in sent.targets}
    wanted = row.backend or row.tried
    assert row.shares in ({}, shares)
    if not row.shares:
        assert wanted or row.status in {target.status for target in sent.targets}
        assert not wanted or wanted in shares
    assert row.path in (None, sent.path)
    assert row.host in (None, sent.host)
    assert row.mirrors in (None, sorted(mirror.cluster.split("/")[-2] for mirror in sent.mirrors))
    target = next((target for target in sent.targets if _name(target) == wanted), None)
    if target is not None:
        forwarded = {"x-forwarded-proto": row.call.scheme}
        assert_headers([*target.headers, *forwarded.items()], row.sees)
        assert_headers([*_response(row, target), *sent.headers], row.answers)


def _name(target: Target) -> str:
    return str(target.status) if target.status else str(target.share.cluster).split("/")[-2]


def _response(row: Row, target: Target) -> tuple[tuple[str, str], ...]:
    """Headers of the backend, which returns those it is told to, after the edits."""
    told = [value.partition(":") for name, value in row.call.headers if name == "x-echo-set-header"]
    headers = tuple((name, value) for name, _, value in told)
    for edits in target.response_edits:
        headers = edited(headers, edits)
    return headers


def assert_headers(headers: Iterable[tuple[str, str]], wanted: dict[str, str | None]) -> None:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    assert {name: ",".join(found[name]) if name in found else None for name in wanted} == wanted
