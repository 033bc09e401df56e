"""The machine that nodes of the local engine are on: what its kernel says of it now."""

import os
from pathlib import Path
from typing import NamedTuple


class Machine(NamedTuple):
    """Times are seconds since 1970; what the kernel does not say is None."""

    host: str
    arch: str
    os: str
    load: float | None
    memory_free_mib: int | None
    booted_at: int | None
    served_since: float | None


def machine(served_since: float | None) -> Machine:
    """This one."""
    names = os.uname()
    return Machine(
        host=names.nodename.split(".")[0],
        arch=names.machine,
        os=f"{names.sysname} {names.release} {names.version}",
        load=os.getloadavg()[0],
        memory_free_mib=_free_mib(_read("/proc/meminfo")),
        booted_at=_booted_at(_read("/proc/stat")),
        served_since=served_since,
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _free_mib(meminfo: str) -> int | None:
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return None


def _booted_at(stat: str) -> int | None:
    for line in stat.splitlines():
        if line.startswith("btime "):
            return int(line.split()[1])
    return None
