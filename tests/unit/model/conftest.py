"""The upstream Gateway API, our oracle: CRDs and examples of the release we follow."""

from pathlib import Path

import pytest

RELEASE = "gateway-api-v1.6.1"
UPSTREAM = Path(__file__).parents[3].parent / "shared" / "data" / RELEASE


@pytest.fixture
def upstream() -> Path:
    """The folder with `crd/` and `examples/`; tests that need it are skipped, aloud, without it."""
    if not UPSTREAM.is_dir():
        pytest.skip(
            f"the upstream files of {RELEASE} are absent: expected ../shared/data/{RELEASE} beside the repo"
        )
    return UPSTREAM
