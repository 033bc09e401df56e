"""The launcher where there is cgroup v2 with all its controllers and no v1, and systemd: in a guest.

The tests themselves run in there (`within.py`, `with_systemd.py` and others), in one boot; here is one for
each of these files. When one fails, what systemd and the services logged in there is printed.
`make test-guest`; scripts/install-guest installs what it needs.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from tests.guest.image import missing
from tests.guest.machine import run

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(4 * 3600)]

FILES = {
    "tests/guest/within.py": 18,
    "tests/unit/test_launcher_cgroups.py": 12,
    "tests/system/test_launcher_pauses.py": 1,
    "tests/guest/with_systemd.py": 9,
}
"""And how many tests of it are run in there at least."""
OVER_A_RESTART = "test_a_launch_stays_suspended_over_a_restart_of_the_launcher[root]"
CHOSEN = {"tests/system/test_launcher_pauses.py": f"::{OVER_A_RESTART}"}
"""Of files that are not all about cgroups: what of them."""


class Told(NamedTuple):
    """What became of the tests of one file: those that passed, and what went wrong in the others.

    `left`, where anything went wrong, is what systemd and the services logged, by name.
    """

    passed: list[str]
    wrong: dict[str, str]
    left: Mapping[str, str] = {}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    if missing():
        pytest.skip(f"needs {', '.join(missing())} (scripts/install-guest)")
    files = " ".join(f"'{name}{CHOSEN.get(name, '')}'" for name in FILES)
    order = (
        "export PYTEST_DEBUG_TEMPROOT=/tmp\n"
        f".venv/bin/python -m pytest -v -m 'not alone' --timeout 600 --durations=5 {files} "
        "--junitxml=/tmp/results/junit.xml\n"
        "cat /var/lib/launchyard/*/*.log > /tmp/results/logs\n"
    )
    results = run(order, tmp_path_factory.mktemp("guest"), keep=_console())
    assert "cpuset" in results.console
    said = results.files["said"]
    assert "junit.xml" in results.files, said[-3000:]
    found = _read(results.files["junit.xml"])
    if any(one.wrong for one in found.values()):
        found = {name: Told(one.passed, one.wrong, results.files) for name, one in found.items()}
    return found


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
    for name, text in told[file].left.items():
        print(f"---- {name}\n{text[-20_000:]}")
    assert told[file].wrong == {}
    assert len(told[file].passed) >= FILES[file]
