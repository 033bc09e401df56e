"""The two clusters, each brought up once for all tests of this folder that ask for it."""

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.slurm.lab import Lab, missing
from tests.slurm.ours import OurCluster
from tests.slurm.sides import Said, Side, make_users
from tests.system import beneath


@pytest.fixture(scope="session", autouse=True)
def ground(request: pytest.FixtureRequest) -> Iterator[None]:
    """What `--engine` asks for, below what is ours."""
    with beneath.engine(request.config.getoption("--engine"), nodes=4, memory_mib=4000):
        yield


class Both(NamedTuple):
    """Real Slurm's side and ours, after the same history, and what its commands said on each."""

    theirs: Side
    ours: Side
    told: list[tuple[str, Said, Said]]


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A directory that users may enter; pytest's own are closed to them, again with every run of it."""
    make_users()
    directory = Path(tempfile.mkdtemp(prefix="launchyard-slurm-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def cluster_of_ours(home: Path) -> Iterator[Side]:
    """Our cluster, before its history, which it lives through once."""
    cluster = OurCluster(home)
    try:
        cluster.start()
        yield Side(home, cluster.environment)
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def ours(ground: None, place: Path) -> Iterator[Side]:
    with cluster_of_ours(place / "ours") as side:
        yield side


@pytest.fixture(scope="session")
def told_ours(ours: Side) -> Side:
    """Our cluster after its history."""
    for _ in ours.live():
        pass
    return ours


@pytest.fixture(scope="session")
def both(place: Path) -> Iterator[Both]:
    """Both clusters after the history, which each lives through at the same time."""
    lack = missing()
    if lack:
        pytest.skip(f"real Slurm is not installed (scripts/install-slurm): no {', '.join(lack)}")
    lab = Lab(place / "real")
    with cluster_of_ours(place / "near") as side:
        try:
            lab.start()
            theirs = Side(place / "real", lab.environment)
            with ThreadPoolExecutor(2) as pool:
                a, b = pool.map(lambda side: list(side.live()), (theirs, side))
            told = [(line, one, two) for (_, line, one), (_, _, two) in zip(a, b, strict=True)]
            yield Both(theirs, side, told)
        finally:
            lab.stop()
