"""The server that all attacks of this package are made on."""

from collections.abc import Iterator

import pytest

from tests.threats.yard import Yard, serving


@pytest.fixture(scope="session")
def yard() -> Iterator[Yard]:
    with serving() as made:
        yield made
