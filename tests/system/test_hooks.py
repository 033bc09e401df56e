"""Prolog and epilog of the site: run by root around each job; where one fails its node is drained."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.accounts import account
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, Refused, wait_for

NODES = """
[[nodes]]
name = "other"
cpus = 4
memory = "4GiB"
"""


class Site:
    """A product with hooks that a test writes; all in a directory that every user may pass."""

    def __init__(self, top: Path, limit_s: int = 50) -> None:
        top.chmod(0o755)
        self.folder = folder = top / "sub"
        folder.mkdir(mode=0o755)
        for name in ("prolog", "epilog"):
            self.write(
                name,
                f'echo "$(id -u) $LAUNCHYARD_HOOK $LAUNCHYARD_JOB_ID $LAUNCHYARD_JOB_UID" >> {folder}/ran',
            )
        hooks = (
            f'\n[hooks]\nprolog = "{folder}/prolog"\nepilog = "{folder}/epilog"\ntime_limit_s = {limit_s}\n'
        )
        self.product = Product(top / "s", DEFAULT_CONFIG + NODES + hooks)

    def write(self, name: str, text: str) -> None:
        half = self.folder / f"{name}.new"
        half.write_text(f"#!/bin/sh\n{text}\n")
        half.chmod(0o755)
        half.rename(self.folder / name)

    def ran(self) -> list[str]:
        path = self.folder / "ran"
        return path.read_text().splitlines() if path.exists() else []

    def node(self, name: str) -> dict[str, str]:
        (found,) = [one for one in self.product.call("GET", "/v1/nodes")["nodes"] if one["name"] == name]
        return dict(found)


@pytest.fixture
def limit_s() -> int:
    """What a hook may take: no hook of a test does, however slow the machine is."""
    return 50


@pytest.fixture
def site(limit_s: int) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="ly-hooks-") as folder:
        site = Site(Path(folder), limit_s)
        site.product.start()
        yield site
        site.product.destroy()


@pytest.mark.root
def test_both_run_as_root_around_a_job_and_the_end_waits_for_the_epilog(site: Site) -> None:
    user = account("ly-ada")
    job = site.product.submit(f"cat {site.folder}/ran; exit 3")
    ended = site.product.until(job)
    assert (ended["state"], ended["exit_code"]) == ("FAILED", 3)
    assert site.product.log(job) == f"0 prolog {job} 0\n".encode()
    assert site.ran() == [f"0 prolog {job} 0", f"0 epilog {job} 0"]
    assert user.pw_uid


def test_where_the_prolog_fails_the_node_is_drained_and_the_job_runs_elsewhere(site: Site) -> None:
    site.write("prolog", f"test -e {site.folder}/mended || {{ touch {site.folder}/mended; exit 9; }}")
    job = site.product.submit(f"echo ran >> {site.folder}/job")
    ended = site.product.until(job)
    assert ended["state"] == "COMPLETED"
    assert (site.folder / "job").read_text() == "ran\n"
    drained = [name for name in ("node", "other") if site.node(name)["state"].lower() == "drain"]
    assert len(drained) == 1
    assert drained != ended["nodes"]
    assert re.search(r"the prolog .*/prolog ended with exit code 9", site.node(drained[0])["reason"])


@pytest.mark.parametrize("limit_s", [2])
def test_a_prolog_that_takes_too_long_is_a_failure_too(site: Site) -> None:
    site.write("prolog", f"test -e {site.folder}/mended || {{ touch {site.folder}/mended; sleep 60; }}")
    job = site.product.submit("true")
    assert site.product.until(job)["state"] == "COMPLETED"
    reasons = [str(site.node(name).get("reason")) for name in ("node", "other")]
    assert any("took longer than 2 s" in reason for reason in reasons)


def test_where_the_epilog_fails_the_node_is_drained_and_the_job_keeps_its_end(site: Site) -> None:
    site.write("epilog", "exit 5")
    job = site.product.submit("true")
    ended = site.product.until(job)
    assert (ended["state"], ended["exit_code"]) == ("COMPLETED", 0)
    wait_for(lambda: site.node(ended["nodes"][0])["state"].lower() == "drain", PATIENCE_S, "it is drained")


@pytest.mark.parametrize("limit_s", [2])
def test_a_job_that_is_cancelled_in_its_prolog_does_not_begin(site: Site) -> None:
    # Longer than a prolog may take: the job does not begin, however late it is cancelled.
    site.write("prolog", "sleep 60")
    job = site.product.submit(f"touch {site.folder}/began")
    site.product.until(job, "STARTING", "RUNNING")
    site.product.call("POST", f"/v1/jobs/{job}/cancel")
    assert site.product.until(job)["state"] == "CANCELLED"
    assert not (site.folder / "began").exists()


def test_a_launcher_that_dies_meanwhile_ends_each_job_once(site: Site) -> None:
    site.write("epilog", f"echo epilog >> {site.folder}/ran; sleep 1")
    job = site.product.submit("exit 4")
    wait_for(lambda: "epilog" in site.ran(), PATIENCE_S, "the epilog runs")
    site.product.kill_all("launcher")
    ended = site.product.until(job)
    assert (ended["state"], ended["exit_code"]) == ("FAILED", 4)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "sub/prolog").chmod(0o775),
        lambda folder: os.chown(folder / "sub/epilog", 12345, 0),
        lambda folder: (folder / "sub").chmod(0o777),
        lambda folder: (folder / "sub/prolog").chmod(0o644),
        lambda folder: (folder / "sub/epilog").unlink(),
    ],
    ids=["group may write", "somebody's own", "directory", "no program", "not there"],
)
@pytest.mark.root
def test_programs_that_others_could_have_written_keep_the_server_from_starting(
    spoil: Callable[[Path], None],
) -> None:
    with tempfile.TemporaryDirectory(prefix="ly-hooks-") as folder:
        site = Site(Path(folder))
        spoil(Path(folder))
        with pytest.raises(Refused, match="a hook of the site is not run"):
            site.product.start()
        site.product.destroy()


@pytest.mark.root
def test_one_that_becomes_loose_under_way_is_not_run_and_drains_the_node(site: Site) -> None:
    (site.folder / "prolog").chmod(0o757)
    job = site.product.submit("true")
    wait_for(lambda: "others may write" in str(site.node("node").get("reason")), PATIENCE_S, "it is drained")
    assert site.ran() == [] or all("prolog" not in line for line in site.ran())
    assert site.product.job(job)["state"] != "COMPLETED"
