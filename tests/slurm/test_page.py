"""The guide of the engine `slurm`, from nothing to a running cluster: every command of its text is typed."""

import os
import pwd
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.slurm.lab import Lab, brought_up
from tests.slurm.settings import USERS
from tests.tidy.source import ROOT

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(600)]
PAGE = (ROOT / "docs/guides/on-slurm.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def lab(place: Path) -> Iterator[Lab]:
    with brought_up(Lab(place / "lab-page")) as lab:
        yield lab


class Person(NamedTuple):
    """Somebody at a shell of a login node, in an empty directory."""

    name: str
    home: Path
    environment: dict[str, str]

    def types(self, text: str) -> str:
        entry = pwd.getpwnam(self.name)
        switch = ["setpriv", "--reuid", self.name, "--regid", str(entry.pw_gid), "--init-groups"]
        done = subprocess.run(
            [*switch, "bash", "-e", "-c", text],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def person(lab: Lab, place: Path) -> Person:
    entry = pwd.getpwnam(USERS[0])
    home = Path(tempfile.mkdtemp(dir=place))
    os.chown(home, entry.pw_uid, entry.pw_gid)
    environment = {**lab.environment, "HOME": entry.pw_dir, "LAUNCHYARD_STATE": str(home / "state")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{lab.environment['PATH']}"
    return Person(USERS[0], home, environment)


def test_page_leads_from_nothing_to_a_running_cluster(person: Person) -> None:
    """Every line of its first block, typed as it is."""
    try:
        said = person.types(BLOCKS[0])
    finally:
        person.types("ly down --cancel-jobs")
    assert "hello from n" in said
    assert "completed" in said.splitlines()[-1]


def test_page_leads_from_slurm_to_a_cluster_of_ones_own(person: Person, lab: Lab) -> None:
    """Only where its files are is another."""
    home = Path(tempfile.mkdtemp(dir=lab.directory))
    home.chmod(0o755)
    environment = person.environment | {"LAUNCHYARD_STATE": str(home / "state")}
    root, person = Person("root", home, environment), person._replace(environment=environment)
    try:
        root.types(BLOCKS[1].replace("/etc/slurm", str(lab.directory / "etc")))
        assert person.types(BLOCKS[2]).splitlines()[-1] == "hello from a step"
    finally:
        root.types("ly down --cancel-jobs")


def test_page_leads_to_this_machine_and_slurm_under_one_server(person: Person) -> None:
    try:
        said = person.types(BLOCKS[3])
    finally:
        person.types("ly down --cancel-jobs")
    assert "hello from this machine" in said
    assert "hello from n" in said
