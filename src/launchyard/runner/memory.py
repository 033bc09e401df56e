"""Whether the kernel has killed for want of memory in our cgroup, which is the job's."""

import contextlib

_FILES = {"": "/sys/fs/cgroup{}/memory.events", "memory": "/sys/fs/cgroup/memory{}/memory.oom_control"}
"""By the controllers of a line of /proc/self/cgroup: version 2 has one line, without any."""


def oom_kills() -> int:
    """How many processes so far; 0 where nobody counts."""
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as file:
        for line in file.read().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in _FILES and (found := _count(_FILES[controllers].format(path))):
                return found
    return 0


def _count(path: str) -> int:
    try:
        with open(path) as file:
            words = [line.split() for line in file]
    except OSError:
        return 0
    return next((int(line[1]) for line in words if line[:1] == ["oom_kill"]), 0)
