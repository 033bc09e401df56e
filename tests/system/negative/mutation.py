"""Runs tests against a copy of the product with one named fault in it.

A suite is worth what it catches. Each control breaks a promise on purpose, in a copy; the tests that guard
that promise must turn red; the same tests on an unchanged copy must be green, or their red says nothing.
"""

import compileall
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.tidy.source import ROOT

LIMIT_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """`before` stands exactly once in `file` (below src/launchyard) and becomes `after`."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A fault: what it is, the edits that make it, the tests that must notice it.

    `spared` tests stay green with the fault: it breaks one promise and not everything.
    """

    name: str
    promise: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What pytest said: how many tests failed and passed, and its last lines."""

    passed: int
    failed: int
    text: str


def copy_of_the_product(place: Path) -> Path:
    """A directory for PYTHONPATH with the product in it. Every user of the machine may read it."""
    target = place / "src"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "launchyard", target / "launchyard", ignore=ignored)
    return target


def apply(edits: tuple[Edit, ...], source: Path) -> None:
    """Make the fault; fails when the text to change is not there exactly once."""
    for edit in edits:
        path = source / "launchyard" / edit.file
        text = path.read_text()
        found = text.count(edit.before)
        assert found == 1, f"{edit.file} has this {found} times, not once:\n{edit.before}"
        path.write_text(text.replace(edit.before, edit.after))


def run(tests: tuple[str, ...], source: Path, place: Path) -> Outcome:
    """Run tests in a process of their own with the product from `source`, compiled as an installation is."""
    compileall.compile_dir(source, quiet=2)
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    # Of CI's rules only this holds here: nothing may be skipped, or the control controls nothing.
    environment["CI"] = "true"
    # A fault that shows at some steps only is looked for at all of them.
    environment["LAUNCHYARD_THOROUGH"] = "1"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--no-header",
        "--tb=line",
        f"--basetemp={place / 'tests'}",
        *tests,
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    text = done.stdout + done.stderr
    assert done.returncode in (0, 1), f"pytest did not run these tests (exit code {done.returncode}):\n{text}"
    return Outcome(passed=_count("passed", text), failed=_count("failed", text), text=text[-4_000:])


def _count(word: str, text: str) -> int:
    """The number before `word` in pytest's summary, its last line that has one."""
    found = re.findall(rf"(\d+) {word}\b", text)
    return int(found[-1]) if found else 0
