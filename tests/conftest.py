"""What holds for every test: root tests, skips that are never silent, and one closing line.

On a machine of somebody's own a missing component (root, FUSE, loop devices, ...) skips what needs it, and
the last line counts that. In CI (CI=true) the same skip is a failure: there is nobody to read the count.
"""

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.often import often

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# Machines are shared and slow at times: how long an example takes says nothing about whether it is right.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("core", PATIENT, max_examples=often(30, thorough=100))
settings.register_profile("quick", PATIENT, max_examples=5)
settings.load_profile("core")

SERVED = (
    *("test_api_", "test_cli_run", "test_controller", "test_user_helper", "test_user_terminal"),
    *(
        "test_agent_",
        "test_archives",
        "test_proxy_",
        "test_helper_",
        "test_installing",
        "test_ray_",
        "test_sdk_",
        "test_shelf",
        "test_slurmengine_",
    ),
)
"""Tests of a whole server or controller, which wait for it: `make check` leaves them to `make test`."""

_skipped: dict[str, int] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "what runs the jobs of the tests of the whole product (tests/system/beneath.py)"
    parser.addoption("--engine", choices=("local", "ray", "slurm"), default="local", help=told)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file of which no test is wanted is not even imported: that would take longer than its check."""
    wanted = config.option.markexpr.split(" and ")
    return True if "not served" in wanted and collection_path.name.startswith(SERVED) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem.startswith(SERVED):
            item.add_marker(pytest.mark.served)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the collector of garbage need not look through it again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") is not None and os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which fails in CI: {_reason(report)}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = _reason(report)
        _skipped[reason] = _skipped.get(reason, 0) + 1


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    count = sum(_skipped.values())
    if count:
        reasons = "; ".join(f"{number} {reason}" for reason, number in sorted(_skipped.items()))
        print(f"{count} skipped here, which CI would not allow: {reasons}")
    else:
        print("Nothing was skipped.")


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
