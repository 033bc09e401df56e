"""The launcher where there is cgroup v2 with all its controllers and no v1: in a guest.

The tests themselves run in there (`within.py` and others); here is one for each of these files.
`make test-guest`; scripts/install-guest installs what it needs.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from tests.guest.image import missing
from tests.guest.machine import run

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(2400)]

FILES = {
    "tests/guest/within.py": 18,
    "tests/unit/test_launcher_cgroups.py": 12,
}
"""And how many tests are in it at least."""


class Told(NamedTuple):
    """What became of the tests of one file: those that passed, and what went wrong in the others."""

    passed: list[str]
    wrong: dict[str, str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    if missing():
        pytest.skip(f"needs {', '.join(missing())} (scripts/install-guest)")
    files = " ".join(FILES)
    order = (
        "export PYTEST_DEBUG_TEMPROOT=/tmp\n"
        f".venv/bin/python -m pytest -v -m 'not alone' --timeout 600 --durations=5 {files} "
        "--junitxml=/tmp/results/junit.xml\n"
    )
    results = run(order, tmp_path_factory.mktemp("guest"), keep=_console())
    assert "cpuset" in results.console
    said = results.files["said"]
    assert "junit.xml" in results.files, said[-3000:]
    print(said[-2000:])
    return _read(results.files["junit.xml"])


def _console() -> Path | None:
    """LAUNCHYARD_GUEST_CONSOLE: a file in which one can look on."""
    named = os.environ.get("LAUNCHYARD_GUEST_CONSOLE")
    return None if named is None else Path(named)


def _read(junit: str) -> dict[str, Told]:
    """By file."""
    found: dict[str, Told] = {name: Told([], {}) for name in FILES}
    for case in ElementTree.fromstring(junit).iter("testcase"):
        name = case.get("classname", "").replace(".", "/") + ".py"
        bad = [one for one in case if one.tag in ("failure", "error", "skipped")]
        title = case.get("name", "")
        if bad:
            found[name].wrong[title] = re.sub(r"\s+", " ", f"{bad[0].tag}: {bad[0].text or ''}")[-1500:]
        else:
            found[name].passed.append(title)
    return found


@pytest.mark.parametrize("file", FILES)
def test_with_cgroup_v2_alone_all_holds_that_a_file_says(told: dict[str, Told], file: str) -> None:
    assert told[file].wrong == {}
    assert len(told[file].passed) >= FILES[file]
