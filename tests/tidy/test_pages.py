"""Pages made from the code are those of this code, and the examples in them work."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from launchyard.config import load
from launchyard.model.state import ENDED, TRANSITIONS, JobMove, JobState
from tests.tidy.faults import made_to_happen
from tests.tidy.pages import MEANINGS, PAGES
from tests.tidy.source import ROOT
from tests.tidy.threats import tried


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_current(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name](), "run `make docs` and commit what it wrote"


@pytest.mark.parametrize(
    ("page", "tried_of"), [("threats", tried), ("faults", made_to_happen)], ids=["threats", "faults"]
)
def test_every_row_is_tried_by_a_test_and_those_listed_are_there(
    page: str, tried_of: Callable[[], dict[int, list[str]]]
) -> None:
    found = tried_of()
    text = (ROOT / f"docs/reference/{page}.md").read_text()
    listed = set(re.findall(r"^- `(.*)`$", text, re.MULTILINE))

    assert [number for number, tests in found.items() if not tests] == []
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
