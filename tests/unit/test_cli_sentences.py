"""What a job asked for and why it waits, as people read it."""

import time
from datetime import datetime
from typing import Any

import pytest

from launchyard.cli.output.sentences import asked, reason
from launchyard.cli.output.text import sentence
from launchyard.model.when import rfc3339


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        ({"cpus": 4, "memory_mib": 8192, "gpus": 1, "nodes": 1}, "4 CPUs, 8 GiB, 1 GPU, 2 h"),
        ({"cpus": 1, "gpus": 0.5, "gpu_type": "a100"}, "1 CPU, 0.5 a100 GPU, 2 h"),
        ({"cpus": 2, "nodes": 2, "nodes_max": 4, "exclusive": True}, "alone on its nodes"),
        ({"cpus": 2, "nodes": 2, "nodes_max": 4}, "2 CPUs, 2 to 4 nodes, 2 h"),
        ({"cpus": 8, "nodes": 1, "nodes_max": 1, "tasks": 8}, "8 CPUs, 8 tasks, 2 h"),
        (
            {"cpus": 1, "constraint": "ib&!old", "nodelist": ["n1", "n2"], "exclude": ["m1"]},
            "1 CPU, with ib&!old, on n[1-2], not on m1, 2 h",
        ),
        ({"cpus": 1, "licences": {"matlab": 2}, "reservation": "course"}, "1 CPU, 2 matlab, in course, 2 h"),
    ],
)
def test_what_a_job_asks_for_is_one_line(resources: dict[str, Any], sentence: str) -> None:
    assert sentence in asked({"resources": resources, "time_limit_s": 7200})


def test_times_in_a_reason_are_those_of_this_machines_clock() -> None:
    noon = datetime.now().replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
    told = {"reason": f"waits until {rfc3339(noon)}: node n1 is reserved"}
    assert reason(told) == "waits until 12:00: node n1 is reserved"
    far = time.time() + 40 * 86_400
    assert "T" not in reason({"reason": f"is not to start before {rfc3339(far)}"})
    assert reason({"reason": "at 2026-99-99T00:00:00Z."}) == "at 2026-99-99T00:00:00Z"


def test_a_cause_of_many_lines_is_told_by_its_first() -> None:
    assert sentence("it failed: no such package\nand much more\n") == "it failed: no such package"
    assert sentence(None) == ""
