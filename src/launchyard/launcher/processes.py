"""What /proc tells of processes. A process is known by (pid, start time) and, while watched, by a pidfd."""

import contextlib
import os
import signal
from typing import NamedTuple

from launchyard.launcher.kernel import read_bytes
from launchyard.launcher.messages import LAUNCH_ID_ENV

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PF_EXITING = 0x4
"""A flag of the kernel's (include/linux/sched.h)."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MARK = LAUNCH_ID_ENV.encode() + b"="


class Stat(NamedTuple):
    """One process at one moment; `start` is in clock ticks since boot, `exit_code` a wait status.

    `exiting`: nothing keeps it from its end any more, and it is not a zombie yet.
    """

    pid: int
    state: str
    ppid: int
    session: int
    cpu_ticks: int
    start: int
    rss_bytes: int
    exit_code: int | None
    exiting: bool


def stat(pid: int) -> Stat | None:
    """The process, a zombie too; None when it is gone."""
    try:
        text = read_bytes(f"/proc/{pid}/stat", 4096)
    except OSError:
        return None
    # The name in parentheses may contain anything, parentheses and spaces too.
    fields = text[text.rfind(b")") + 2 :].split()
    return Stat(
        pid,
        fields[0].decode(),
        int(fields[1]),
        int(fields[3]),
        int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14]),
        int(fields[19]),
        int(fields[21]) * PAGE_BYTES,
        int(fields[49]) if len(fields) > 49 else None,
        bool(int(fields[6]) & _PF_EXITING),
    )


def wait_status(seen: os.waitid_result) -> int:
    """What `wait4` will say of a child that `waitid` has shown."""
    if seen.si_code == os.CLD_EXITED:
        return seen.si_status << 8
    return seen.si_status | (0x80 if seen.si_code == os.CLD_DUMPED else 0)


def start_time(pid: int) -> int | None:
    found = stat(pid)
    return found.start if found else None


def alive(pid: int, start: int) -> bool:
    """Whether exactly that process still runs (a zombie does not)."""
    found = stat(pid)
    return found is not None and found.start == start and found.state not in "ZX"


def watch(pid: int, start: int) -> int | None:
    """A pidfd of exactly that process, zombie or not; None when it is gone."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return None
    # The number could have been given to another process until the pidfd was open, not after.
    if start_time(pid) == start:
        return pidfd
    os.close(pidfd)
    return None


def signal_exactly(pid: int, start: int, number: int) -> bool:
    """Signal that process and no other that got its number; False when it is gone."""
    pidfd = watch(pid, start)
    if pidfd is None:
        return False
    try:
        signal.pidfd_send_signal(pidfd, number)
    except OSError:
        return False
    finally:
        os.close(pidfd)
    return True


def runs_our_code(pid: int, state_dir: str = "") -> bool:
    """Whether a child of a launcher (of that directory) has not come to its exec yet."""
    with contextlib.suppress(OSError):
        words = read_bytes(f"/proc/{pid}/cmdline", 1 << 16).split(b"\0")
        there = not state_dir or b"--state=" + os.fsencode(state_dir) in words
        return there and any(word.startswith(b"--keeper-fd=") for word in words)
    return False


def runs_its_program(pid: int, start: int) -> bool:
    """Whether exactly that child of a launcher is seen alive behind its exec."""
    # In this order: of one that is ending or has ended no command line is left.
    ours, found = runs_our_code(pid), stat(pid)
    there = found is not None and found.start == start and found.state not in "ZX" and not found.exiting
    return there and not ours


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def mark_of(pid: int) -> str | None:
    """The launch that the process's environment (as at its exec) names."""
    with contextlib.suppress(OSError):
        environment = read_bytes(f"/proc/{pid}/environ", 1 << 20)
        for entry in environment.split(b"\0"):
            if entry.startswith(_MARK):
                return entry[len(_MARK) :].decode(errors="replace")
    return None


def children() -> list[int] | None:
    """This (single-threaded) process's children, zombies too; None when the kernel cannot list them."""
    try:
        return [int(pid) for pid in read_bytes(f"/proc/self/task/{os.getpid()}/children", 1 << 20).split()]
    except OSError:
        return None


def written_and_read(pid: int) -> tuple[int, int] | None:
    """Bytes (read, written) that reached storage for this process and its reaped children, where allowed."""
    with contextlib.suppress(OSError, ValueError, LookupError):
        lines = dict(line.split(b": ") for line in read_bytes(f"/proc/{pid}/io").splitlines())
        return int(lines[b"read_bytes"]), int(lines[b"write_bytes"])
    return None


def family() -> tuple[dict[int, Stat], dict[int, list[int]]]:
    """All that live, and who comes from whom: by parent, and by the session that its leader began."""
    living = {pid: found for pid in all_pids() if (found := stat(pid))}
    children: dict[int, list[int]] = {}
    for pid, found in living.items():
        for parent in {found.ppid, found.session} - {pid}:
            children.setdefault(parent, []).append(pid)
    return living, children


def below(pid: int, children: dict[int, list[int]]) -> list[int]:
    """The processes that descend from one, those deep down first."""
    found: dict[int, None] = {}
    layer = [pid]
    while layer:
        layer = [child for one in layer for child in children.get(one, ()) if child not in found]
        found.update(dict.fromkeys(layer))
    return [one for one in reversed(found) if one != pid]
