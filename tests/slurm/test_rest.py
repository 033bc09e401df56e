"""The states of jobs by a real slurmrestd, with a token of Slurm's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.slurm.lab import Lab, missing
from tests.slurm.test_through_slurm import CONFIG, body
from tests.system.product import Product, wait_for

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(600)]
RUNS_AS = "daemon"
"""It refuses to run as root or as Slurm's user."""


class RestLab(Lab):
    """With JWT beside munge, and slurmrestd on the loopback."""

    address = ""

    def _start_munge(self) -> None:
        key, conf = self.directory / "etc" / "jwt.key", self.directory / "etc" / "slurm.conf"
        key.write_bytes(os.urandom(32))
        self._own("jwt.key", 0o600)
        conf.write_text(f"{conf.read_text()}AuthAltTypes=auth/jwt\nAuthAltParameters=jwt_key={key}\n")
        super()._start_munge()

    def serve(self) -> None:
        (port,) = free_ports(1)
        self.environment["SLURM_JWT"] = "daemon"
        self._start(
            *("slurmrestd", RUNS_AS, "slurmrestd", "-a", "rest_auth/jwt", "-s", "openapi/v0.0.38"),
            f"127.0.0.1:{port}",
        )
        del self.environment["SLURM_JWT"]
        self.address = f"http://127.0.0.1:{port}"

    def serve_again(self) -> None:
        self.environment["SLURM_JWT"] = "daemon"
        self.start_again("slurmrestd")
        del self.environment["SLURM_JWT"]

    def token(self, directory: Path, seconds: int = 3600) -> Path:
        path = directory / "token"
        path.touch(0o600)
        path.write_text(self.said("scontrol", "token", "username=root", f"lifespan={seconds}"))
        return path


@pytest.fixture(scope="module")
def lab(place: Path) -> Iterator[RestLab]:
    lack = missing()
    if lack:
        pytest.skip(f"real Slurm is not installed (scripts/install-slurm): no {', '.join(lack)}")
    lab = RestLab(place / "lab-rest", nodes=1)
    try:
        lab.start()
        lab.serve()
        yield lab
    finally:
        lab.stop()


@pytest.fixture
def product(lab: RestLab, tmp_path: Path) -> Iterator[Product]:
    config = CONFIG.format(conf=lab.environment["SLURM_CONF"])
    token = lab.token(tmp_path)
    product = Product(tmp_path / "state", f'{config}rest = "{lab.address}"\nrest_token = "{token}"\n')
    try:
        product.start()
        yield product
    finally:
        product.destroy()


def asked(lab: RestLab) -> int:
    """How often slurmrestd was asked for all jobs."""
    return (lab.directory / "log" / "slurmrestd.out").read_text().count("GET /slurm/v0.0.38/jobs")


def test_jobs_are_followed_by_slurmrestd_and_by_squeue_while_it_is_away(
    product: Product, lab: RestLab
) -> None:
    before = asked(lab)
    first = product.call("POST", "/v1/jobs", body(["sh", "-c", "sleep 3; exit 4"]))["id"]
    assert product.until(first, "RUNNING")["nodes"] == ["n1"]
    assert product.until(first)["exit_code"] == 4
    assert asked(lab) >= before + 3

    lab.kill("slurmrestd")
    second = product.call("POST", "/v1/jobs", body(["sh", "-c", "exit 5"]))["id"]
    assert product.until(second)["exit_code"] == 5
    log = (product.state / "daemon" / "daemon.log").read_text()
    assert "slurmrestd does not answer" in log
    assert "squeue is asked instead" in log

    lab.serve_again()
    now = asked(lab)
    third = product.call("POST", "/v1/jobs", body(["true"]))["id"]
    assert product.until(third)["exit_code"] == 0
    wait_for(lambda: asked(lab) > now, 60, "slurmrestd is asked again")
