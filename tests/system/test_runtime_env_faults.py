"""The daemon dies by kill -9 while a job is set up, begins, or sends its files: it goes on, and runs once."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.archives import put, ran, uploaded, zipped
from tests.system.product import Product, Refused, job_pids, wait_for
from tests.system.test_runtime_env import CONFIG

NAME = "/api/packages/gcs/_ray_pkg_00000000cafecafe.zip"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    made = Product(tmp_path_factory.mktemp("faults") / "state", CONFIG)
    made.start()
    yield made
    made.destroy()


def restarted(product: Product, fault: str = "") -> None:
    product.kill()
    product.start(fault=fault)


def test_a_job_whose_start_was_about_to_be_sent_is_started_once(product: Product, tmp_path: Path) -> None:
    package = uploaded(product, zipped(a_txt="x"))
    ran_file = tmp_path / "ran"
    restarted(product, fault="send")
    job_id = product.submit(f"cat a.txt && echo once >> {ran_file}", runtime_env={"working_dir": package})
    process = product.process
    assert process is not None
    process.wait(60)

    restarted(product)

    job = product.until(job_id)
    assert (job["state"], job["attempt"]) == ("COMPLETED", 1), job
    assert ran_file.read_text() == "once\n"


def test_a_job_that_runs_in_its_own_files_goes_on_without_the_daemon(
    product: Product, tmp_path: Path
) -> None:
    package = uploaded(product, zipped(a_txt="mine"))
    go, ran_file = tmp_path / "go", tmp_path / "ran"
    command = f"echo up; while [ ! -e {go} ]; do sleep 0.05; done; cat a.txt >> {ran_file}"
    job_id = product.submit(command, runtime_env={"working_dir": package})
    product.until(job_id, "RUNNING")

    product.kill()
    go.touch()
    wait_for(lambda: ran_file.exists() or None, 60, "the job goes on while there is no daemon")
    product.start()

    assert product.until(job_id)["state"] == "COMPLETED"
    assert product.log(job_id) == b"up\n"
    assert ran_file.read_text() == "mine"
    assert job_pids(product.state) == []


def test_half_a_package_is_no_package_and_can_be_sent_again(product: Product) -> None:
    archive = zipped(main_py="print('whole')", other_txt=os.urandom(1_200_000).hex())
    head = f"PUT {NAME} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(archive)}\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(product.socket_path))
        connection.sendall(head.encode() + archive[:-1000])
        parts = product.state / "daemon" / "packages" / str(os.getuid()) / "parts"
        wait_for(lambda: [one for one in parts.glob("*") if one.stat().st_size] or None, 60, "half is there")
        product.kill()
    product.start()

    with pytest.raises(Refused, match="does not exist"):
        product.call("GET", NAME)
    assert put(product, NAME, archive) == (200, b"")
    uri = f"gcs://{NAME.rpartition('/')[2]}"
    assert ran(product, "python3 main.py", working_dir=uri)["out"] == "whole\n"
    wait_for(lambda: not list(parts.glob("*")) or None, 60, "what cannot be gone on with is removed")
