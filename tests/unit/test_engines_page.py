"""The page of engines says of each what it lacks as the engine itself does."""

import re
from collections.abc import Mapping

import pytest

from launchyard.engine.ray.engine import LACKS as OF_RAY
from launchyard.engine.slurm.engine import LACKS as OF_SLURM
from launchyard.model.ability import Lack
from tests.tidy.source import ROOT

PAGE = (ROOT / "docs/explain/engines.md").read_text()
ROWS = re.search(
    r"\n\| \| `local` \| `ray` \| `slurm` \|\n\|[-|]+\|\n((?:\| (?:a|steps).*\n)(?:\|.*\n)+)", PAGE
)


@pytest.mark.parametrize(("column", "lacks"), [(1, {}), (2, OF_RAY), (3, OF_SLURM)])
def test_what_an_engine_lacks_is_no_on_its_page(column: int, lacks: Mapping[Lack, str]) -> None:
    assert ROWS is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in ROWS[1].splitlines()]
    assert len(rows) == len(Lack) <= 8
    told = {lack: row[column].startswith("no") for lack, row in zip(Lack, rows, strict=True)}
    assert told == {lack: lack in lacks for lack in Lack}


@pytest.mark.parametrize(("page", "lacks"), [("on-slurm", OF_SLURM), ("ray-engine", OF_RAY)])
def test_guide_has_the_sentences_that_submissions_are_refused_with(
    page: str, lacks: Mapping[Lack, str]
) -> None:
    guide = (ROOT / f"docs/guides/{page}.md").read_text()
    told = guide.partition("| what needs it | its sentence |\n|---|---|\n")[2].partition("\n\n")[0]
    assert [line.strip("| ").split(" | ")[1] for line in told.splitlines()] == list(lacks.values())
