"""Points at which tests have the product killed or late."""

import subprocess
import sys

PASSED = """
import time
from launchyard import faults
began = time.monotonic()
for _ in range(10):
    faults.point("a")
print(time.monotonic() - began)
"""


def passed(fault: str) -> subprocess.CompletedProcess[str]:
    environment = {"LAUNCHYARD_FAULT": fault} if fault else {}
    return subprocess.run(
        [sys.executable, "-c", PASSED],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_point_is_passed_as_if_it_were_not_there() -> None:
    done = passed("")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_process_is_killed_the_time_it_was_asked_for() -> None:
    assert passed("a:10").returncode == -9
    assert passed("a:11").returncode == 0
    assert passed("b:1").returncode == 0


def test_every_point_is_passed_late_and_the_process_lives() -> None:
    done = passed("late:100")
    assert done.returncode == 0
    assert float(done.stdout) > 0.05
