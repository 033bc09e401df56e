"""Fixtures for tests that run the product: each has its own state directory and leaves nothing behind."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system import beneath
from tests.system.product import Product


@pytest.fixture(scope="package", autouse=True)
def ground(request: pytest.FixtureRequest) -> Iterator[None]:
    """What `--engine` asks for."""
    with beneath.engine(request.config.getoption("--engine"), nodes=1):
        yield


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """A started product with four CPUs."""
    one = Product(tmp_path / "state")
    one.start()
    yield one
    one.destroy()


@pytest.fixture
def make_product(tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Products that a test starts itself; destroyed at its end."""
    made: list[Product] = []

    def make(config: str = "", name: str = "state") -> Product:
        made.append(Product(tmp_path / name, config))
        return made[-1]

    yield make
    for one in made:
        one.destroy()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where jobs write down their own starts and ends."""
    path = tmp_path / "journal"
    path.mkdir()
    return path


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers whose seed is printed; LAUNCHYARD_SEED repeats a run."""
    seed = int(os.environ.get("LAUNCHYARD_SEED", random.SystemRandom().randrange(2**32)))
    print(f"LAUNCHYARD_SEED={seed}")
    return random.Random(seed)
