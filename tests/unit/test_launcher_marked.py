"""Where there are no cgroups: whose a process is by its number, while numbers are given anew."""

import os

import pytest

from launchyard.launcher.marked import Marked
from launchyard.launcher.processes import start_time
from launchyard.launcher.table import Launch


@pytest.mark.parametrize("strangers", [False, True])
def test_a_process_that_got_the_number_of_a_dead_one_is_a_stranger(strangers: bool) -> None:
    launch = Launch("a", {"uid": os.getuid(), "job": 1})
    launch.pid = os.getppid()
    launch.start = (start_time(launch.pid) or 0) - strangers

    members = Marked({"a": launch}, {}).pids("a")

    assert (launch.pid in members) is not strangers
