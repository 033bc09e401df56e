"""A newcomer reads the product's spine in an afternoon: few files, in one order, named in CONTRIBUTING."""

from tests.tidy.source import ROOT

PATH = (
    "README.md",
    "src/launchyard/model/state.py",
    "src/launchyard/policy/lifecycle.py",
    "src/launchyard/policy/backfill.py",
    "tests/unit/test_policy_backfill.py",
    "src/launchyard/controller/controller.py",
    "src/launchyard/daemon.py",
)
LINES_MAX = 1_500


def test_the_reading_path_is_short() -> None:
    lines = {name: (ROOT / name).read_text().count("\n") for name in PATH}
    assert sum(lines.values()) <= LINES_MAX, lines


def test_the_reading_path_is_described_in_its_order() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    places = [text.find(f"`{name}`") for name in PATH]
    assert -1 not in places, f"CONTRIBUTING.md does not name {PATH[places.index(-1)]}"
    assert places == sorted(places)
