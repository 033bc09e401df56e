"""Jobs that mean harm or are merely odd, through the front door: what they leave, ignore, eat and print."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from launchyard.api.routes.logs import MARK
from tests.system.launcher_client import zombies_of
from tests.system.product import DEFAULT_CONFIG, Json, Product, job_pids, wait_for
from tests.system.verify import until_all_ended

LITTLE = {"cpus": 0.01, "memory_mib": 1}
MIB = 1 << 20


def pids_of(product: Product, count: int) -> list[int]:
    """The processes of the only running job, once there are so many."""

    def there() -> list[int] | None:
        found = job_pids(product.state)
        return found if len(found) >= count else None

    return wait_for(there, 30, f"{count} processes of the job")


# ---- how they end


def test_f18_processes_that_left_the_session_are_gone_at_the_end(product: Product, tmp_path: Path) -> None:
    """F18, P7: forked twice, in a session of their own, with nothing open: killed when the job ends."""
    gate = tmp_path / "gate"
    daemon = "setsid sh -c 'exec 0<&- 1>&- 2>&-; sleep 987 & exec sleep 986' &"
    job_id = product.submit(f"{daemon} while [ ! -e {gate} ]; do sleep 0.05; done; exit 4")
    left = pids_of(product, 3)
    gate.touch()
    job = product.until(job_id)
    assert (job["state"], job["exit_code"]) == ("FAILED", 4)
    assert [pid for pid in left if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize("manner", ["ignores TERM", "is stopped"])
def test_f19_cancelled_job_that_does_not_hear_is_killed_after_its_grace(
    manner: str, product: Product, tmp_path: Path
) -> None:
    """F19: the state says CANCELLED only when no process is left."""
    ready = tmp_path / "ready"
    deaf = "trap '' TERM; " if manner == "ignores TERM" else ""
    stop = "kill -STOP $$; " if manner == "is stopped" else ""
    job_id = product.submit(f"{deaf}touch {ready}; {stop}while :; do sleep 0.1; done")
    wait_for(ready.exists, 30, "the job is ready")
    product.call("POST", f"/v1/jobs/{job_id}/cancel")
    assert product.job(job_id)["state"] in ("RUNNING", "COMPLETING", "CANCELLED")
    job = product.until(job_id)
    assert job["state"] == "CANCELLED"
    assert not job_pids(product.state)


def test_f19_stopped_job_is_ended_by_its_time_limit(product: Product) -> None:
    """F19: SIGSTOP does not keep a job beyond its limit."""
    job_id = product.submit("kill -STOP $$; sleep 100", time_limit_s=1)
    assert product.until(job_id)["state"] == "TIMEOUT"
    assert not job_pids(product.state)


# ---- memory


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("exec {python} -c 'x = bytearray(300 << 20)'", {"signal": 9, "exit_code": None}),
        ("{python} -c 'x = bytearray(300 << 20)'; exit 0", {"signal": None, "exit_code": 0}),
    ],
    ids=["the job", "a grandchild of a script that exits 0"],
)
@pytest.mark.root
def test_f22_memory_over_the_limit_is_out_of_memory(text: str, ending: Json, product: Product) -> None:
    """F22: by the kernel's counter, whatever the exit code says."""
    command = text.format(python=sys.executable)
    job_id = product.submit(command, resources={"cpus": 1, "memory_mib": 64})
    job = product.until(job_id)
    assert job["state"] == "OUT_OF_MEMORY"
    assert job["cause"] == "needed more than the 64 MiB asked for"
    assert ending.items() <= job.items()
    assert product.until(product.submit("exit 0"))["state"] == "COMPLETED"


# ---- many, short


@pytest.mark.timeout(300)
def test_f23_f33_a_thousand_short_jobs_leave_no_zombie_and_their_own_exit_codes(product: Product) -> None:
    """F23, F33: exits in under a millisecond, each with its record."""
    bodies = [
        {"command": ["true"] if n % 5 == 0 else f"exit {n % 5}", "resources": LITTLE} for n in range(1000)
    ]
    answers = product.call("POST", "/v1/jobs", bodies)
    codes = {answer["id"]: n % 5 for n, answer in enumerate(_jobs_of(answers))}
    jobs = {job["id"]: job for job in until_all_ended(product)}
    wrong = [n for n, code in codes.items() if jobs[n]["exit_code"] != code]
    assert (len(codes), wrong) == (1000, [])
    ours = [product.pid, *product.pids("keeper")]
    assert [pid for one in ours for pid in zombies_of(one)] == []


def _jobs_of(answers: object) -> list[Json]:
    found = answers["jobs"] if isinstance(answers, dict) else answers
    assert isinstance(found, list)
    return found


# ---- what they print


@pytest.mark.parametrize(
    "data",
    [b"no newline at the end", bytes(range(256)) * 40, b"\0" * 5000, b"\xff\xfe\r\n\r\n\x1b[2J", b""],
    ids=["no newline", "binary", "NUL", "not text", "nothing"],
)
def test_f33_log_is_byte_for_byte_what_was_written(data: bytes, product: Product, tmp_path: Path) -> None:
    """F33, P5."""
    source = tmp_path / "data"
    source.write_bytes(data)
    job_id = product.submit(["cat", str(source)])
    assert product.until(job_id)["exit_code"] == 0
    assert product.log(job_id) == data


def test_f33_one_line_of_a_hundred_megabytes_is_served_whole(product: Product) -> None:
    """F33: no line is ever held in memory by us."""
    size = 100_000_000
    job_id = product.submit(f"head -c {size} /dev/zero | tr '\\0' x")
    product.until(job_id)
    found = product.log(job_id)
    assert len(found) == size
    assert hashlib.sha256(found).digest() == hashlib.sha256(b"x" * size).digest()


# ---- the cap of logs


def test_f21_log_over_its_cap_ends_the_job_and_the_served_log_says_so(
    make_product: Callable[..., Product],
) -> None:
    """F21: FAILED with that cause; what the log holds is the beginning, then the mark."""
    product = make_product('log_cap = "1MiB"\n' + DEFAULT_CONFIG)
    product.start()
    job_id = product.submit("yes 0123456789abcde")
    job = product.until(job_id)
    assert (job["state"], job["cause"]) == ("FAILED", "its log grew over the limit")
    assert product.log(job_id) == (b"0123456789abcde\n" * (MIB // 16)) + MARK
    followed = product.call("GET", f"/v1/jobs/{job_id}/logs?follow=1")
    assert followed == product.log(job_id)
    assert product.until(product.submit("exit 0"))["state"] == "COMPLETED"


def test_f21_file_that_the_user_named_is_never_capped(
    make_product: Callable[..., Product], tmp_path: Path
) -> None:
    """F21: the cap holds for our spool only."""
    product = make_product('log_cap = "1MiB"\n' + DEFAULT_CONFIG)
    product.start()
    job_id = product.submit(f"head -c {5 * MIB} /dev/zero; sleep 1.2", stdout=str(tmp_path / "mine"))
    assert product.until(job_id)["state"] == "COMPLETED"
    assert (tmp_path / "mine").stat().st_size == 5 * MIB
    assert len(product.log(job_id)) == 5 * MIB
