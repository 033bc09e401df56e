"""From one machine to many, as its page tells it: the page's configuration, and every line that it types."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ray.lab import Lab
from tests.system.product import DEFAULT_CONFIG, Product, wait_for
from tests.tidy.source import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(400)]

PAGE = (ROOT / "docs/guides/from-one-machine-to-many.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
CONFIG = next(text for kind, text in BLOCKS if kind == "toml")
LINES = [line[2:] for kind, text in BLOCKS if not kind for line in text.splitlines() if line.startswith("$ ")]


def test_a_second_cluster_is_added_as_the_page_says(lab: Lab, tmp_path: Path) -> None:
    place = tmp_path / "work"
    place.mkdir()
    (place / "train.sh").write_text("#!/bin/sh\necho trained on $LAUNCHYARD_NODE\n")
    (place / "train.sh").chmod(0o755)
    clusters = CONFIG.replace("10.0.0.1:6379", lab.address) + f'python = "{lab.python}"\n'
    product = Product(tmp_path / "state", DEFAULT_CONFIG + clusters)
    environment = {**os.environ, "LAUNCHYARD_STATE": str(product.state)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    said = {}
    try:
        product.start(timeout_s=90)
        wait_for(lambda: nodes(product) == lab.nodes + 1, 90, "all nodes serve")
        for line in LINES:
            typed = line.replace("4711", "1")
            done = subprocess.run(
                ["bash", "-c", typed], env=environment, cwd=place, capture_output=True, text=True, timeout=100
            )
            assert done.returncode == 0, f"$ {typed}\n{done.stdout}{done.stderr}"
            said[line.split()[1]] = done.stdout
        ended = product.until(1)
    finally:
        product.destroy()
        lab.kill_leftovers_of_jobs()
    assert (ended["state"], ended["cluster"]) == ("COMPLETED", "big")
    assert len(said["nodes"].splitlines()) == lab.nodes + 1
    assert "big" in said["show"]
    assert "Cluster big" in said["status"]


def nodes(product: Product) -> int:
    return sum(node["state"] == "UP" for node in product.call("GET", "/v1/nodes")["nodes"])
