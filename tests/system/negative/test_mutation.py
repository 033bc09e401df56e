"""The runner of negative controls is itself controlled: it tells red from green, and a miss from a hit."""

from pathlib import Path

import pytest

from tests.system.negative.mutation import Control, Edit, apply, copy_of_the_product, run

TESTS = ("tests/unit/test_model_signals.py::test_a_signal_is_read_by_name_and_number",)
WRONG = Edit(file="model/signals.py", before='"HUP", "INT"', after='"INT", "HUP", "STKFLT"')


def test_an_unchanged_copy_is_green(tmp_path: Path) -> None:
    outcome = run(TESTS, copy_of_the_product(tmp_path), tmp_path)
    assert (outcome.failed, outcome.passed) == (0, 5), outcome.text


def test_a_fault_in_the_copy_is_red(tmp_path: Path) -> None:
    control = Control(name="signals", promise="-", edits=(WRONG,), tests=TESTS)
    source = copy_of_the_product(tmp_path)
    apply(control.edits, source)
    outcome = run(control.tests, source, tmp_path)
    assert outcome.failed > 0, outcome.text


@pytest.mark.parametrize("before", ["this is nowhere", "number"])
def test_an_edit_that_does_not_fit_exactly_once_is_refused(tmp_path: Path, before: str) -> None:
    source = copy_of_the_product(tmp_path)
    with pytest.raises(AssertionError, match="not once"):
        apply((Edit(file="model/signals.py", before=before, after=""),), source)
