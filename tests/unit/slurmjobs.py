"""Jobs as the server tells of them, for tests of what the commands print."""

import calendar
import time
from typing import Any

from launchyard.slurm.facts import Facts, Surroundings
from launchyard.slurm.times import stamps

T0 = calendar.timegm((2026, 11, 20, 10, 48, 55))
"""The second in which most of the captured jobs were submitted."""
NOW = T0 + 104

PLAIN: dict[str, Any] = {
    **{"id": 1, "name": "wrap", "user": "alice", "uid": 1001, "account": "physics", "partition": "debug"},
    **{"qos": "normal", "state": "PENDING", "reason_code": None, "reason_scope": None, "exit_code": None},
    **{"signal": None, "nodes": [], "nodelist": "", "node_count": 1, "nodes_max": None, "task_count": 1},
    **{"tasks_per_node": None, "cpus_milli": 1000, "cpus_asked_milli": 1000, "memory_mib": 100},
    **{"memory_asked_mib": 100, "gpus": 0, "gpu_type": "", "gpus_asked": None, "shares": []},
    **{"exclusive": False},
    **{"constraint": "", "nodelist_asked": [], "exclude": [], "licences": {}, "reservation": ""},
    **{"array_pending": None, "array_throttle": None, "task_array": None, "task_index": None},
    "part_of": None,
    **{"dependency": None, "requeue": True, "restarts": 0, "submitted_at": T0, "eligible_at": T0},
    **{"begin_at": None, "deadline_at": None, "started_at": None, "suspended_at": None, "suspended_s": 0},
    **{"ended_at": None, "estimate_start": None, "time_limit_s": 3600, "time_min_s": None, "priority": 11020},
    **{"nice": 0, "held": False, "batch": True, "command": [], "working_dir": "/home/alice/cap"},
    **{"stdout_path": "", "stderr_path": "", "metadata": {}, "array_size": None, "cron": None},
}


def job(**fields: Any) -> dict[str, Any]:
    """One job; what is not said is as usual."""
    assert fields.keys() <= PLAIN.keys(), fields.keys() - PLAIN.keys()
    return PLAIN | fields


def running(id: int, node: str, **fields: Any) -> dict[str, Any]:
    """A job that runs on one node."""
    usual = {"state": "RUNNING", "nodes": [node], "nodelist": node, "started_at": T0 + 1}
    return job(id=id, **{**usual, **fields})


def facts(*jobs: dict[str, Any], now: float = NOW, unknown: str = "N/A", **around: Any) -> Facts:
    """The jobs, in a cluster whose clock stands still and whose time zone is UTC."""
    stamp = stamps(None, now, time.gmtime, time.strftime, unknown)
    columns = {name: [one[name] for one in jobs] for name in PLAIN}
    return Facts(len(jobs), columns, Surroundings(now, stamp, lambda uid: (uid, "alice"), "lab", **around))
