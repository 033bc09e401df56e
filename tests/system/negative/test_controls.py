"""Each fault on purpose turns the tests red that guard against it; without it the same tests are green."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.negative.controls import CONTROLS
from tests.system.negative.mutation import Control, apply, copy_of_the_product, run

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(1800)]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that other users may enter: launchers of theirs run from the copy in it."""
    path = Path(tempfile.mkdtemp(prefix="launchyard-control-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name.replace(" ", "-"))
def test_a_fault_on_purpose_turns_the_suite_red(control: Control, place: Path) -> None:
    source = copy_of_the_product(place)
    sound = run((*control.tests, *control.spared), source, place)
    assert sound.failed == 0, f"these tests fail without a fault, so they control nothing:\n{sound.text}"
    assert sound.passed > 0, sound.text
    apply(control.edits, source)
    spared = run(control.spared, source, place)
    assert spared.failed == 0, f"the fault breaks everything, so its red says nothing:\n{spared.text}"
    broken = run(control.tests, source, place)
    assert broken.failed > 0, f"nobody noticed that {control.name}: {control.promise}\n{broken.text}"
    print(f"{control.name}: {broken.failed} tests red, {spared.passed} green")
