"""What srun orders of a runner: the tasks of one node, in words of JSON.

    {"env": {...}, "cwd": path, "umask": n, "limits": {"RLIMIT_NOFILE": [soft, hard], ...},
     "tasks": [{"rank": 0, "argv": [...], "env": {...}, "cpus": [ids], "input": true, "terminal": false}],
     "hostname": name or null, "rows": n, "columns": n}

`env` is what all tasks share and `env` of a task what it alone has; `cpus` empty: as the runner itself.
`input`: its standard input comes from srun, else it is /dev/null. The `terminal` is for at most one task.
"""

from typing import Any, NamedTuple


class TaskOrder(NamedTuple):
    """One task."""

    rank: int
    argv: list[str]
    env: dict[str, str]
    cpus: list[int]
    input: bool
    terminal: bool


class Order(NamedTuple):
    """All tasks of one node."""

    env: dict[str, str]
    cwd: str
    umask: int
    limits: dict[str, tuple[int, int]]
    tasks: list[TaskOrder]
    hostname: str | None
    rows: int
    columns: int

    def to_json(self) -> dict[str, Any]:
        return {**self._asdict(), "tasks": [task._asdict() for task in self.tasks]}


def order_of(value: dict[str, Any]) -> Order:
    """As `to_json` wrote it."""
    tasks = [TaskOrder(**task) for task in value["tasks"]]
    limits = {name: (int(soft), int(hard)) for name, (soft, hard) in value["limits"].items()}
    return Order(**{**value, "tasks": tasks, "limits": limits})
