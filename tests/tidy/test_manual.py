"""The man pages are those of this code, and render without a warning."""

import shutil
import subprocess

import pytest

from tests.tidy.manual import man_pages
from tests.tidy.source import ROOT

MAN = ROOT / "docs/man"


def test_the_man_pages_are_those_of_the_commands() -> None:
    made = man_pages()
    assert {path.relative_to(MAN).as_posix() for path in MAN.rglob("*.*")} == set(made), "run `make docs`"
    assert [name for name, text in made.items() if (MAN / name).read_text() != text] == [], "run `make docs`"


@pytest.mark.long
def test_the_man_pages_render_without_a_warning() -> None:
    if shutil.which("groff") is None:
        pytest.skip("needs groff (groff-base)")
    pages = [path for path in sorted(MAN.rglob("*.*")) if path.name != "launchyard.1"]
    assert len(pages) > 50
    words = ["groff", "-ww", "-man", "-Tutf8", "-rLL=100n", *map(str, pages)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ly-submit" in done.stdout.lower()


@pytest.mark.long
def test_man_shows_a_page() -> None:
    if shutil.which("man") is None:
        pytest.skip("needs man (man-db)")
    words = ["man", "--warnings", "-l", str(MAN / "man1/ly-session.1")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "relaunch" in done.stdout
