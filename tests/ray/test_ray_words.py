"""What users put into the values of a job, and what becomes of it on its way into a real Ray."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.ray.clustered import product_on
from tests.ray.conftest import brought_up
from tests.system.product import PATIENCE_S, Product, Refused, wait_for
from tests.threats.test_values import FIELDS, WISHES, hostile

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with (
        brought_up(nodes=1, named="n") as lab,
        product_on(lab, tmp_path_factory.mktemp("words") / "s") as made,
    ):
        yield made


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """What is there once some shell has run what it should not."""
    folder = tmp_path / "trap"
    folder.mkdir()
    yield folder / "sprung"
    assert list(folder.iterdir()) == []


def taken(product: Product, path: str, body: Mapping[str, object]) -> bool:
    """Whether the server takes the job; a refusal is one of words, no fault."""
    try:
        product.call("POST", path, body)
    except Refused as error:
        if error.status >= 500:
            raise
        return False
    return True


def test_no_value_of_a_job_through_ray_is_a_piece_of_a_command(product: Product, trap: Path) -> None:
    """Threat 27: in each field that is text, and in what Ray's clients send; only what is a command runs."""
    took = 0
    for word in hostile(trap):
        for field in FIELDS:
            took += taken(product, "/v1/jobs", {"command": ["true"], field: word})
        for wish in WISHES:
            taken(product, "/v1/jobs", {"command": ["true"], "resources": {wish: word}})
        sent = {"entrypoint": "true", "metadata": {"x": word}, "runtime_env": {"env_vars": {"X": word}}}
        assert taken(product, "/api/jobs/", sent)
    assert took > 2 * len(hostile(trap))

    def all_ended() -> bool:
        live = product.call("GET", "/v1/jobs?state=PENDING,STARTING,RUNNING,COMPLETING&limit=1")["jobs"]
        return not live

    wait_for(all_ended, 5 * PATIENCE_S, "all have ended", 1.0)
    ran = product.call("GET", "/v1/jobs?state=COMPLETED&limit=1000")["jobs"]
    assert len(ran) > 2 * len(hostile(trap))
    assert not trap.exists()


def test_words_of_a_command_through_ray_come_as_they_were_given(product: Product, trap: Path) -> None:
    """Threat 27: arguments and variables are neither split nor read by a shell."""
    words = hostile(trap)
    job = product.submit(["sh", "-c", 'printf "%s\\n" "$X" "$@"', *words], environment={"X": words[0]})
    assert product.until(job)["state"] == "COMPLETED"

    def told() -> bool:
        return product.log(job).decode() == "".join(f"{word}\n" for word in (words[0], *words[1:]))

    wait_for(told, PATIENCE_S, "each word is a line")
