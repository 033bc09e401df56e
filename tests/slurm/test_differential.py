"""What real Slurm answers and what ours answers to the same command line after the same history.

The table of command lines is tests/slurm/cases.txt, what is made equal first tests/slurm/normal.py. A
difference may remain when docs/reference/slurm-differences.md lists it with its reason; a row there whose
difference is gone fails too. Real Slurm comes from Debian's packages: scripts/install-slurm.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.slurm.cases import CASES, Case
from tests.slurm.conftest import Both
from tests.slurm.normal import difference, normal
from tests.slurm.sides import Said, Side
from tests.tidy.source import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it runs daemons as their users"),
]
PAGE = ROOT / "docs" / "reference" / "slurm-differences.md"
ROW = re.compile(r"^\| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
DIFFERENCES_MAX = 10
DEFAULTS = ("squeue", "squeue -l", "sinfo", "sinfo -N", "sinfo -s", "sacct", "sacct -b", "sprio", "sshare")

Answers = dict[Case, tuple[Said, Said]]


def listed() -> dict[str, str]:
    """The command lines that the page lists, with the reason for each."""
    rows = ROW.findall(PAGE.read_text())
    return {line.replace("\\|", "|"): reason for line, _, _, reason in rows}


@pytest.fixture(scope="module")
def answers(both: Both) -> Answers:
    """Every case asked on both sides, in order, each side by itself."""
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(_asked, (both.theirs, both.ours))
    return dict(zip(CASES, zip(theirs, ours, strict=True), strict=True))


def _asked(side: Side) -> list[Said]:
    said = [side.run(case.line, case.who) for case in CASES]
    return [Said(one.code, normal(one.out, side), normal(one.err, side)) for one in said]


def test_the_history_is_told_alike(both: Both) -> None:
    different = {
        line: found
        for line, theirs, ours in both.told
        if (
            found := difference(
                "~",
                Said(theirs.code, normal(theirs.out, both.theirs), normal(theirs.err, both.theirs)),
                Said(ours.code, normal(ours.out, both.ours), normal(ours.err, both.ours)),
            )
        )
    }
    assert different == {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_a_command_line_is_answered_as_slurm_answers_it(case: Case, answers: Answers) -> None:
    found = difference(case.how, *answers[case])
    if case.line in listed():
        assert found, f"{PAGE.name} lists `{case.line}`, but both answer alike: remove the row"
    else:
        assert not found, found


def test_the_page_of_differences_is_short_and_names_cases() -> None:
    rows = listed()
    lines = [case.line for case in CASES]
    assert len(rows) <= DIFFERENCES_MAX
    assert [row for row in rows if row not in lines] == []
    assert [row for row in rows if row in DEFAULTS] == []


def test_there_are_enough_command_lines_and_each_is_there_once() -> None:
    lines = [(case.who, case.line) for case in CASES]
    assert len(lines) == len(set(lines)) >= 150
    assert sum(case.part == "looking" for case in CASES) >= 60
