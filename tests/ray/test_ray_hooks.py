"""Prolog and epilog of the site around jobs on nodes of a Ray cluster: the launcher of each runs them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ray.clustered import START_S, product_on, up
from tests.ray.lab import Lab
from tests.system.product import Product, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(400)]

SAYS = 'echo "$(id -u) $LAUNCHYARD_HOOK $LAUNCHYARD_JOB_ID" >> {folder}/ran'
HOOKS = '[hooks]\nprolog = "{folder}/prolog"\nepilog = "{folder}/epilog"\n'


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the programs are; whoever may write above them could write them."""
    with tempfile.TemporaryDirectory(prefix="ly-hooks-") as name:
        made = Path(name)
        for hook in ("prolog", "epilog"):
            write(made / hook, SAYS.format(folder=made))
        yield made


def write(program: Path, text: str) -> None:
    half = program.with_suffix(".new")
    half.write_text(f"#!/bin/sh\n{text}\n")
    half.chmod(0o755)
    half.rename(program)


@pytest.fixture(scope="module")
def product(lab: Lab, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    state = tmp_path_factory.mktemp("hooks") / "state"
    with product_on(lab, state, HOOKS.format(folder=folder)) as made:
        yield made


def test_both_run_as_root_on_the_node_of_a_job(product: Product, lab: Lab, folder: Path) -> None:
    job = product.submit(f"cat {folder}/ran; exit 3", resources={"nodelist": [lab.name(1)]})
    assert product.until(job)["exit_code"] == 3
    assert product.log(job) == f"0 prolog {job}\n".encode()
    assert (folder / "ran").read_text() == f"0 prolog {job}\n0 epilog {job}\n"


def test_where_the_prolog_fails_the_node_is_drained_and_the_job_runs_elsewhere(
    product: Product, folder: Path
) -> None:
    # The first run of it fails, the next ones do not.
    write(folder / "prolog", f"mkdir {folder}/failed 2>/dev/null && exit 9; exit 0")
    ended = product.until(product.submit("true"))
    assert ended["state"] == "COMPLETED"
    (drained,) = [one for one in product.call("GET", "/v1/nodes")["nodes"] if one["state"] == "DRAIN"]
    assert [drained["name"]] != ended["nodes"]
    assert "ended with exit code 9" in drained["reason"]


def test_which_they_are_is_read_when_the_server_starts(product: Product, lab: Lab, folder: Path) -> None:
    (folder / "ran").unlink()
    product.configure(product.config.read_text().replace(HOOKS.format(folder=folder), ""))
    product.kill()
    product.start(timeout_s=START_S)
    wait_for(lambda: up(product) == lab.nodes - 1, START_S, "all nodes serve but the one that is drained")
    assert product.until(product.submit("true"))["state"] == "COMPLETED"
    assert not (folder / "ran").exists()
