"""The first ten minutes as docs/start.md tells them: every line that a reader would type is typed here."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.product import Product
from tests.system.verify import until_all_ended
from tests.tidy.source import ROOT

PAGE = (ROOT / "docs/start.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
DONE_ALREADY = ("ly up", "ly down")
"""The test's own product is up, and goes down after it."""
FILES = {
    "train.py": "print('trained')",
    "sum.py": "print('summed')",
    "prime.sh": next(text for kind, text in BLOCKS if kind == "bash"),
}


def typed() -> list[str]:
    """The lines after a prompt in the page's blocks."""
    blocks = [text for kind, text in BLOCKS if not kind]
    lines = [
        line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")
    ]
    return [line for line in lines if not line.startswith(DONE_ALREADY)]


@pytest.mark.timeout(240)
def test_everything_in_the_start_page_works_as_written(product: Product, tmp_path: Path) -> None:
    place = tmp_path / "work"
    place.mkdir()
    for name, text in FILES.items():
        (place / name).write_text(text)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "LAUNCHYARD_STATE": str(product.state), "PATH": path}
    said = {}
    for line in typed():
        done = subprocess.run(
            shlex.split(line),
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        said[line] = done.stdout
    assert len(said) >= 8
    assert said["ly run -- python -c 'print(6 * 7)'"] == "42\n"
    jobs = {job["name"]: job for job in until_all_ended(product)}
    assert {name: jobs[name]["state"] for name in ("train", "prime", "squares", "sum")} == dict.fromkeys(
        ("train", "prime", "squares", "sum"), "COMPLETED"
    )
    assert product.log(jobs["prime"]["id"]) == b"job 3 on node with 2 CPUs\n"
    assert jobs["prime"]["group"] == "demo"
