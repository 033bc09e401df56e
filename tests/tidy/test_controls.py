"""The negative controls still fit the code: a change there shows at once, not in the run of all tests."""

from pathlib import Path

import pytest

from tests.system.negative.controls import CONTROLS
from tests.system.negative.mutation import Control, apply
from tests.tidy.source import ROOT


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name.replace(" ", "-"))
def test_a_control_fits_the_code(control: Control, tmp_path: Path) -> None:
    for file in {edit.file for edit in control.edits}:
        target = tmp_path / "launchyard" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((ROOT / "src/launchyard" / file).read_text())
    apply(control.edits, tmp_path)
    for file in {edit.file for edit in control.edits}:
        compile((tmp_path / "launchyard" / file).read_text(), file, "exec")


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name.replace(" ", "-"))
def test_the_tests_that_a_control_names_are_there(control: Control) -> None:
    for test in (*control.tests, *control.spared):
        file, _, name = test.partition("::")
        assert not name or f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(), test
