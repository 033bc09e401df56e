"""Each dependency has its reason written down, is in the lock file with hashes, and no other one has."""

import re
import tomllib

from tests.tidy.source import ROOT

PAGE = ROOT / "docs/decisions/0003-dependencies.md"


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return {re.split(r"[\[><=!~ ]", one)[0] for one in wanted}


def test_each_dependency_has_its_reason() -> None:
    rows = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    explained = {name.partition("[")[0].strip() for row in rows for name in row.split(",")} - {"package"}
    assert explained == declared()


def test_each_locked_package_has_its_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert {block.split("==")[0] for block in blocks} >= declared()
    assert all("--hash=sha256:" in block and "==" in block.split()[0] for block in blocks)
