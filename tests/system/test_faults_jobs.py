"""Jobs that misbehave, and what is done with them through the front door."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system import accounts
from tests.system.person import ADA, LI, Person, for_all, served
from tests.system.product import Asking, Json, Product, Refused, job_pids, let_others_in, wait_for
from tests.system.watcher import Watcher

ASKED = {"cpus": 0.5, "memory_mib": 64}
LEAVER = "lytest7"
"""Whom nobody else's tests need: the account is removed."""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One for all of them, with four CPUs: starting takes longer than most of these tests."""
    one = Product(tmp_path_factory.mktemp("jobs") / "state")
    one.start()
    yield one
    one.destroy()


def ran(product: Asking, command: str | list[str], **fields: object) -> Json:
    return product.until(product.submit(command, **{"resources": ASKED, **fields}))


ESCAPE = """
import os, time
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    os.closerange(0, 99)
    time.sleep(99)
os.wait()
"""


def test_f18_what_a_job_leaves_behind_is_gone_with_it(product: Product) -> None:
    """F18, P7, threat 37: double fork, a session of its own, all descriptors closed."""
    job = ran(product, ["python3", "-c", ESCAPE])
    assert job["state"] == "COMPLETED"
    assert not job_pids(product.state)


@pytest.mark.parametrize("stubborn", ["trap '' TERM INT HUP", "kill -STOP $$"])
def test_f19_cancelled_job_that_ignores_signals_is_killed_after_the_grace(
    stubborn: str, product: Product
) -> None:
    """F19: ignores TERM; stopped."""
    job_id = product.submit(f"{stubborn}; while :; do sleep 1; done", resources=ASKED)
    product.until(job_id, "RUNNING")
    product.call("POST", f"/v1/jobs/{job_id}/cancel")
    assert product.until(job_id)["state"] == "CANCELLED"
    assert not job_pids(product.state)


def test_time_limit_warns_then_ends(product: Product) -> None:
    """The warning signal comes before the limit; the job may tidy up in its grace."""
    traps = "trap 'echo warned' USR1; trap 'echo tidied; exit 7' TERM"
    began, warning = time.monotonic(), {"signal": "USR1", "before_s": 2}
    command = f"{traps}; echo ready; while :; do sleep 0.1; done"
    job_id = product.submit(command, resources=ASKED, time_limit_s=600, warning=warning)
    wait_for(lambda: b"ready" in product.log(job_id), 60, "its traps are set")
    product.call("POST", f"/v1/jobs/{job_id}/update", {"time_limit_s": int(time.monotonic() - began) + 4})
    job = product.until(job_id)
    assert job["state"] == "TIMEOUT"
    log = product.log(job["id"])
    assert b"warned\n" in log
    assert log.endswith(b"tidied\n")


GREEDY = "x=[]\nwhile True: x.append(bytearray(1<<20))"


def test_f22_job_over_its_memory_says_so(product: Product) -> None:
    """F22, threat 39."""
    job = ran(product, ["python3", "-c", GREEDY])
    assert (job["state"], job["usage"]["memory_peak_mib"]) == ("OUT_OF_MEMORY", pytest.approx(64, rel=0.1))


def test_f22_grandchild_over_memory_is_seen_though_the_script_ends_well(product: Product) -> None:
    """F22: only a grandchild is killed, and the script exits 0."""
    job = ran(product, ["sh", "-c", 'python3 -c "$1"; exit 0', "sh", GREEDY])
    assert (job["state"], job["exit_code"]) == ("OUT_OF_MEMORY", 0)


def test_f22_daemon_that_runs_out_of_memory_is_started_again_as_if_nothing_was(
    product: Product, tmp_path: Path
) -> None:
    """F22: the kernel kills the daemon as it would for want of memory; its job goes on."""
    job_id = product.submit(f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; exit 6", resources=ASKED)
    product.until(job_id, "RUNNING")
    product.kill()
    product.start()
    (tmp_path / "go").touch()
    assert product.until(job_id)["exit_code"] == 6


@pytest.mark.timeout(300)
def test_f23_f33_a_thousand_short_jobs_leave_no_zombie_and_tell_their_own_exit(product: Product) -> None:
    """F23, F33: each ends in less than a millisecond."""
    asked = {"cpus": 0.1, "memory_mib": 1}
    bodies = [{"command": ["sh", "-c", f"exit {n % 5}"], "resources": asked} for n in range(1000)]
    answers = product.call("POST", "/v1/jobs", bodies)
    ids = [answer["id"] for answer in answers]
    wait_for(lambda: _all_ended(product, ids), 200, "all have ended")
    codes = {job["id"]: job["exit_code"] for job in product.all_jobs()}
    assert [codes[one] for one in ids] == [n % 5 for n in range(1000)]
    wait_for(lambda: not _zombies_of(product), 60, "all children are reaped")


def _all_ended(product: Product, ids: list[int]) -> bool | None:
    live = product.call("GET", "/v1/jobs?state=PENDING,STARTING,RUNNING,COMPLETING&limit=1")["jobs"]
    return None if live else bool(ids)


def _zombies_of(product: Product) -> list[int]:
    found = subprocess.run(["ps", "-eo", "pid,ppid,stat"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in found.splitlines()[1:]]
    ours = {str(pid) for pid in product.keepers()}
    return [int(pid) for pid, ppid, stat in rows if stat.startswith("Z") and ppid in ours]


OUTPUTS = {
    "no newline": b"no newline at the end",
    "binary": bytes(range(256)) * 40,
    "NUL": b"a\0b\0\0c\n",
    "one long line": b"z" * 20_000_000 + b"\n",
    "nothing": b"",
}


@pytest.mark.parametrize("name", list(OUTPUTS))
def test_f33_log_is_what_the_job_wrote(name: str, product: Product, tmp_path: Path) -> None:
    """F33: byte for byte, followed and read at once."""
    (tmp_path / "out").write_bytes(OUTPUTS[name])
    job_id = product.submit(["cat", str(tmp_path / "out")], resources=ASKED)
    followed = product.call("GET", f"/v1/jobs/{job_id}/logs?follow=1")
    product.until(job_id)
    assert followed == product.log(job_id) == OUTPUTS[name]


@pytest.mark.root
def test_f21_log_of_a_user_over_its_cap_ends_the_job_with_that_cause_and_a_mark() -> None:
    """F21, threat 40: only in our spool; a file that the user names is never capped."""
    with served(for_all(more='log_cap = "1MiB"\n')) as product:
        ada, li = Person(product, ADA), Person(product, LI)
        other = li.submit("sleep 300", resources=ASKED)
        job = ran(ada, "while :; do head -c 100000 /dev/zero | tr '\\0' x; done")
        assert job["state"] == "FAILED"
        assert "log" in job["cause"]
        log = ada.log(job["id"])
        assert len(log) < 3 << 20
        assert log.rstrip().endswith(b"was not kept]")
        mine = Path(ada.entry.pw_dir, f"flood-{os.getpid()}")
        try:
            assert ran(ada, "head -c 5000000 /dev/zero", stdout=str(mine))["state"] == "COMPLETED"
            assert mine.stat().st_size == 5_000_000
        finally:
            mine.unlink(missing_ok=True)
        assert li.job(other)["state"] == "RUNNING"
        assert product.call("GET", "/v1/health")["status"] == "ok"


@pytest.mark.timeout(200)
def test_f32_many_orders_for_one_job_at_once_have_one_outcome(product: Product) -> None:
    """F32: 200 cancels, holds, releases and requeues against its start and its exit; only legal moves."""
    with Watcher(product) as watcher:
        for _ in range(3):
            job_id = product.submit("exit 0", resources=ASKED)
            orders = [
                threading.Thread(
                    target=_order, args=(product, job_id, ("cancel", "hold", "release", "requeue")[n % 4])
                )
                for n in range(200)
            ]
            for order in orders:
                order.start()
            for order in orders:
                order.join()
            _order(product, job_id, "release")
            _order(product, job_id, "cancel")
            job = product.until(job_id)
            assert job["state"] in ("CANCELLED", "COMPLETED")
            watcher.heard_end_of(job_id)
        watcher.check()


def _order(product: Product, job_id: int, what: str) -> None:
    status = 200
    try:
        product.call("POST", f"/v1/jobs/{job_id}/{what}")
    except Refused as refused:
        status = refused.status
    assert status in (200, 404, 409), f"{what} was answered {status}"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make and remove a user")
@pytest.mark.parametrize("trouble", ["no home", "unreadable home", "deleted while queued"])
def test_f34_user_with_a_broken_account_gets_a_clear_cause(
    trouble: str, make_product: Callable[..., Product], tmp_path: Path
) -> None:
    """F34: one attempt, one sentence."""
    let_others_in(tmp_path)
    product = make_product('listen = "127.0.0.1:0"\n[[nodes]]\nname = "node"\ncpus = 2\nmemory = "1GiB"\n')
    product.start()
    accounts.run("userdel", "-r", LEAVER, check=False)
    accounts.run("useradd", "--create-home", LEAVER)
    try:
        home = Path(f"/home/{LEAVER}")
        held = trouble == "deleted while queued"
        body: Json = {"command": ["pwd"], "working_dir": str(home), "resources": ASKED}
        job_id = _submit_as(product, LEAVER, {**body, "hold": held})
        if trouble == "deleted while queued":
            accounts.run("userdel", "--force", "-r", LEAVER)
            product.call("POST", f"/v1/jobs/{job_id}/release")
            assert "does not exist any more" in product.until(job_id)["cause"]
            return
        assert product.until(job_id)["state"] == "COMPLETED"
        if trouble == "no home":
            home.rename(f"/home/{LEAVER}.away")
        else:
            os.chown(home, 0, 0)
            home.chmod(0o700)
        job = product.until(_submit_as(product, LEAVER, body))
        assert (job["state"], job["attempt"]) == ("FAILED", 1)
        assert str(home) in job["cause"]
    finally:
        accounts.run("userdel", "-r", LEAVER, check=False)
        subprocess.run(["rm", "-rf", f"/home/{LEAVER}", f"/home/{LEAVER}.away"], check=False)


CLIENT = """
import http.client, json, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("POST", "/v1/jobs", sys.argv[2], {"Content-Type": "application/json"})
print(connection.getresponse().read().decode())
"""


def _submit_as(product: Product, user: str, body: Json) -> int:
    command = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "/usr/bin/python3", "-c", CLIENT]
    done = subprocess.run(
        [*command, str(product.socket_path), json.dumps(body)], capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    assert "id" in answer, answer
    return int(answer["id"])


def test_job_may_be_sent_a_signal(product: Product) -> None:
    job_id = product.submit("trap 'exit 3' USR2; echo set; while :; do sleep 0.05; done", resources=ASKED)
    wait_for(lambda: product.log(job_id) or None, 60, "the trap is set")
    # What it prints may be there before it is known to run.
    product.until(job_id, "RUNNING")
    product.call("POST", f"/v1/jobs/{job_id}/signal", {"signal": signal.Signals.SIGUSR2.name})
    assert product.until(job_id)["exit_code"] == 3
