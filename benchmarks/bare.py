"""The bare limit of this machine in this very run: how many no-op processes a second it starts and reaps."""

import os
import time

SPAWNS = 2000


def spawn_rate(count: int = SPAWNS) -> float:
    """Processes a second on one core: posix_spawn of /bin/true, then wait, one after the other."""
    began = time.perf_counter()
    for _ in range(count):
        pid = os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(pid, 0)
    return count / (time.perf_counter() - began)
