"""Accounts that change or go away under the product (F34)."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import accounts
from tests.system.accounts import acting_as
from tests.system.product import Product, Refused, wait_for

pytestmark = pytest.mark.root

NAME = "lytest4"
CONFIG = """
listen = "127.0.0.1:0"
daemon_user = "root"
grace_s = 2
[[nodes]]
name = "node"
cpus = 2
memory = "1GiB"
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may enter; pytest's own they may not."""
    path = Path(tempfile.mkdtemp(prefix="launchyard-accounts-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def everyone(place: Path) -> Iterator[Product]:
    """A product that serves all users of the machine."""
    product = Product(place / "state", CONFIG)
    try:
        product.start()
        yield product
    finally:
        product.destroy()


@pytest.fixture
def leaver(place: Path) -> Iterator[pwd.struct_passwd]:
    """An account of this test's own; the test may remove it."""
    remove()
    home = str(place / "home")
    accounts.run("useradd", "--create-home", "--home-dir", home, NAME)
    yield pwd.getpwnam(NAME)
    remove()


def remove() -> None:
    accounts.run("userdel", "--force", NAME, check=False)


def submit_as(product: Product, user: pwd.struct_passwd, command: str, **fields: object) -> int:
    resources = {"cpus": 1, "memory_mib": 16}
    with acting_as(user):
        answer = product.call("POST", "/v1/jobs", {"command": command, "resources": resources, **fields})
    return int(answer["id"])


@pytest.mark.parametrize("home", ["missing", "unreadable"])
def test_f34_home_that_cannot_be_used_is_the_cause_and_harms_no_job_elsewhere(
    home: str, everyone: Product, leaver: pwd.struct_passwd
) -> None:
    """F34: by the directory's name; a job that needs no home runs, and its log is served to its owner."""
    folder = Path(leaver.pw_dir)
    if home == "missing":
        shutil.rmtree(folder)
    else:
        os.chown(folder, 0, 0)
        folder.chmod(0o700)
    job_id = submit_as(everyone, leaver, "echo hi", working_dir=leaver.pw_dir)
    job = everyone.until(job_id)
    wrong = "does not exist" if home == "missing" else "you may not enter"
    assert (job["state"], job["attempt"], job["exit_code"]) == ("FAILED", 1, None)
    assert wrong in job["cause"]
    assert leaver.pw_dir in job["cause"]
    elsewhere = submit_as(everyone, leaver, "id -un; exit 3", working_dir="/")
    assert everyone.until(elsewhere)["exit_code"] == 3
    with acting_as(leaver):
        assert everyone.log(elsewhere) == f"{NAME}\n".encode()


def test_f34_user_deleted_while_queued_fails_all_its_jobs_once(
    everyone: Product, leaver: pwd.struct_passwd
) -> None:
    """F34: no retry storm, also for an array; the queue behind goes on."""
    blocker = submit_as(everyone, leaver, "sleep 600", resources={"cpus": 2, "memory_mib": 16})
    everyone.until(blocker, "RUNNING")
    queued = [submit_as(everyone, leaver, "echo hi") for _ in range(5)]
    array = submit_as(everyone, leaver, "echo hi", array="1-10")
    remove()
    everyone.call("POST", f"/v1/jobs/{blocker}/cancel")
    for job_id in queued:
        job = everyone.until(job_id)
        assert (job["state"], job["attempt"], job["exit_code"]) == ("FAILED", 1, None)
        assert job["cause"] == f"user {leaver.pw_uid} does not exist any more"
    assert everyone.until(array)["state"] == "FAILED"
    attempts = {job["attempt"] for job in everyone.all_jobs() if job["id"] != array}
    assert attempts == {1}


def test_f34_job_of_a_user_who_was_deleted_runs_on_and_its_end_is_recorded(
    everyone: Product, leaver: pwd.struct_passwd, place: Path
) -> None:
    """F34, P4: also over a restart of daemon and launcher; afterwards the account gets no new job."""
    gate = place / "gate"
    job_id = submit_as(everyone, leaver, f"while [ ! -e {gate} ]; do sleep 0.05; done; exit 6")
    everyone.until(job_id, "RUNNING")
    remove()
    everyone.kill_all("daemon", "launcher")
    everyone.start()
    assert everyone.job(job_id)["state"] == "RUNNING"
    with pytest.raises(Refused) as caught:
        submit_as(everyone, leaver, "true")
    assert caught.value.status == 403
    assert str(leaver.pw_uid) in caught.value.problem["detail"]
    gate.touch()
    assert everyone.until(job_id)["exit_code"] == 6
    wait_for(lambda: not list((everyone.state / "tmp").iterdir()) or None, 60, "its directory is removed")
