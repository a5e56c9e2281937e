"""Runs the conformance suite against Sekisho on this machine. Flags we do not know are the suite's own."""

import argparse
import asyncio
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from tests.kit.netns import leave_network, missing

from conformance.cluster.operating import MESH
from conformance.cluster.system import running_cluster
from sekisho.aio.tasks import background
from sekisho.api.definitions import CHANNEL
from sekisho.app.stopping import stop_requested

HERE = Path(__file__).resolve().parents[1]
SUITE = HERE / "build" / "conformance.test"
"""Made by `go test -c`."""
RUN = HERE / "build" / "run"
"""State and logs of the last run."""
SUITE_WITHIN = "60m"

PROFILES = (
    "GATEWAY-HTTP",
    "GATEWAY-GRPC",
    "GATEWAY-TLS",
    "GATEWAY-TCP",
    "GATEWAY-UDP",
    "MESH-HTTP",
    "MESH-GRPC",
)
STATIC = ("127.1.255.1", "192.0.2.1")
"""For Gateways that name their address: one that is nobody else's, and one that is nowhere (RFC 5737)."""


def main() -> int:
    """The exit code of the suite; 2 when it cannot be run here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", action="store_true", help="write the report: for runs of everything")
    chosen, suite = parser.parse_known_args()
    if trouble := missing():
        sys.stderr.write(f"{trouble}\n")
        return 2
    leave_network()
    shutil.rmtree(RUN, ignore_errors=True)
    return asyncio.run(_run([*_arguments(), *(_report() if chosen.report else ()), *suite]))


async def _run(arguments: list[str]) -> int:
    """Until the suite ends, or we are asked to: all that was started and made ends in any case."""
    with stop_requested() as stop:
        async with running_cluster(RUN) as kubeconfig:
            suite = await asyncio.create_subprocess_exec(
                SUITE, *arguments, env={"KUBECONFIG": str(kubeconfig), "HOME": str(RUN)}
            )
            async with background(_end_with(suite, stop), name="suite"):
                return await suite.wait()


async def _end_with(suite: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    await stop.wait()
    suite.terminate()


def _arguments() -> list[str]:
    """Features are not named: the suite reads them from the statuses of the GatewayClass and the XMesh."""
    usable, unusable = STATIC
    return [
        "-test.run=TestConformance", "-test.v", f"-test.timeout={SUITE_WITHIN}",
        "--gateway-class=sekisho", f"--mesh-name={MESH}", f"--conformance-profiles={','.join(PROFILES)}",
        f"--usable-address={usable}", f"--unusable-address={unusable}",
    ]  # fmt: skip


def _report() -> list[str]:
    """Named as upstream collects reports: `<channel>-<version>-<mode>-report.yaml`."""
    release = version("sekisho")
    file = HERE / "reports" / f"{CHANNEL}-{release}-default-report.yaml"
    file.parent.mkdir(exist_ok=True)
    return [
        f"--report-output={file}", "--organization=sekisho", "--project=sekisho", f"--version={release}",
        "--url=https://sekisho.dev", "--contact=https://sekisho.dev",
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
