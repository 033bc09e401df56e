"""Pages made from the code are those of this code, and the examples in them work."""

import re
from pathlib import Path

import pytest

from launchyard.config import load
from launchyard.model.state import ENDED, TRANSITIONS, JobMove, JobState
from tests.tidy.pages import MEANINGS, PAGES
from tests.tidy.source import ROOT
from tests.tidy.threats import OPEN, tried


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_current(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name](), "run `make docs` and commit what it wrote"


def test_every_threat_is_tried_by_a_test_and_those_listed_are_there() -> None:
    found = tried()
    listed = set(re.findall(r"^- `(.*)`$", (ROOT / "docs/reference/threats.md").read_text(), re.MULTILINE))

    assert {number for number, tests in found.items() if not tests} <= OPEN
    assert listed - {test for tests in found.values() for test in tests} == set(), "run `make docs`"


def test_every_state_and_move_is_explained() -> None:
    assert set(MEANINGS) == set(JobState)
    assert set(TRANSITIONS) | ENDED == set(JobState)
    assert {move for row in TRANSITIONS.values() for move in row} == set(JobMove)


def test_the_example_configuration_works(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGES["docs/reference/configuration.md"](), re.DOTALL)
    path = tmp_path / "config.toml"
    path.write_text(example)
    settings = load(path, root=False, environ={"HOME": "/h"})
    assert len(settings.nodes) == 4
    assert [partition.name for partition in settings.partitions] == ["main", "short"]
