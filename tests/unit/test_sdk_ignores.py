"""Patterns as in gitignore(5); git itself is the judge where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from launchyard.sdk.ignores import ignored, parse_pattern, parse_rules

TREE = (
    "a.txt",
    "b.log",
    "logs/a.log",
    "logs/deep/b.log",
    "build/out.o",
    "src/build/out.o",
    "src/a.c",
    "src/foo/bar.c",
    "src/foo/x/y/bar.c",
    "docs/a.md",
    "docs/keep.md",
    "data/1.csv",
    "data/2.csv",
    "data/x-1.csv",
    "with space",
    "end ",
    "#hash",
    "!bang",
    "[b]",
    "star*",
    "ünï/é.txt",
    "back\\slash",
    "foo",
    "x/foo/y",
    "x/y/foo",
    "line\nbreak",
)
CASES = (
    "*.log",
    "/*.log",
    "*.log\n!b.log",
    "logs/",
    "logs/\n!logs/a.log",
    "logs/*\n!logs/a.log",
    "build",
    "/build",
    "build/",
    "src/build",
    "build/out.o",
    "**/build",
    "src/**/bar.c",
    "src/**",
    "**/bar.c",
    "/**/foo",
    "foo/",
    "foo",
    "x/*/foo",
    "*",
    "*\n!*/\n!*.c",
    "/*\n!/src\n/src/*\n!/src/foo",
    "data/[0-9].csv",
    "data/[!0-9]*",
    "data/[^x]*",
    "data/?.csv",
    "[[:alpha:]].txt",
    "[a-c].*",
    "with space   ",
    "end\\ ",
    "\\#hash",
    "\\!bang",
    "#hash",
    "\\[b\\]",
    "[b]",
    "[b",
    "/[*",
    "data//",
    "/***/x*",
    "****/?",
    "*/?\\/**",
    "star\\*",
    "star[*]",
    "ünï",
    "é.txt",
    "back\\\\slash",
    "a**.txt",
    "**",
    "**/",
    "docs/**/keep.md",
    "docs/*\n!docs/keep.md",
    "",
    "/",
    "//",
    "!a.txt",
    "*.txt\n!a.txt\na.*",
    "[]]",
    "[]b]*",
    "[a-]*",
    "src/foo/",
    "src/foo/*",
    "line*",
    "./a.txt",
)


def left_out(patterns: str, tree: tuple[str, ...] = TREE) -> set[str]:
    """The files that our rules leave out, with all below a directory that is left out."""
    rules = [parse_rules(patterns.split("\n"))]
    found = set()
    for path in tree:
        parts = path.split("/")
        steps = [("/".join(parts[:count]), count < len(parts)) for count in range(1, len(parts) + 1)]
        if any(ignored(rules, step, directory=directory) for step, directory in steps):
            found.add(path)
    return found


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with all files of the tree."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    work = tmp_path_factory.mktemp("work")
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    for path in TREE:
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text("")
    return work


@pytest.mark.parametrize("patterns", CASES)
def test_files_are_left_out_as_git_leaves_them_out(work: Path, patterns: str) -> None:
    excludes = work / ".git/info/exclude"
    excludes.write_text(patterns + "\n")
    done = subprocess.run(
        ["git", "-C", str(work), "ls-files", "-z", "--others", "--exclude-standard"],
        env={"HOME": str(work), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    kept = set(done.stdout.decode().split("\0")) - {""}
    assert left_out(patterns) == set(TREE) - kept


def test_rules_further_down_go_before_those_above() -> None:
    rules = [parse_rules(["*.csv"]), parse_rules(["!keep.csv", "/only.txt"], "data")]
    assert ignored(rules, "x.csv", directory=False)
    assert ignored(rules, "data/x.csv", directory=False)
    assert not ignored(rules, "data/keep.csv", directory=False)
    assert ignored(rules, "data/only.txt", directory=False)
    assert not ignored(rules, "data/deep/only.txt", directory=False)


@pytest.mark.parametrize("line", ["", "   ", "# no", "/", "!"])
def test_lines_without_a_pattern_are_none(line: str) -> None:
    assert parse_pattern(line) is None
