"""The lab, brought up once for all tests of this folder that ask for it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ray.lab import Lab
from tests.system.ray_client import programs


@contextmanager
def brought_up(*which: str, nodes: int = 3, named: str = "", user: str = "") -> Iterator[Lab]:
    """A cluster of so many nodes, of Ray as `install-ray` has it, or `old`; of nodes as `Lab` says.

    Without root or the program ip the test is skipped.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("nodes in network namespaces need root and the program ip (iproute2)")
    directory = Path(tempfile.mkdtemp(prefix="lyr", dir="/tmp"))
    made = Lab(directory, programs(*which), nodes=nodes, named=named, user=user)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with brought_up() as made:
        yield made
