"""Soft limits of the kernel's for one process (`ulimit -S`), by name: `NOFILE`, `STACK`, ..."""

import contextlib
import resource
from collections.abc import Mapping

_NUMBERS = {
    name: getattr(resource, f"RLIMIT_{name}")
    for name in ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "RSS", "STACK")
}


def set_soft(limits: Mapping[str, int]) -> None:
    """Set those that are known, at most up to the hard limit; less than 0 is as high as that."""
    for name, wanted in limits.items():
        number = _NUMBERS.get(name)
        if number is None:
            continue
        hard = resource.getrlimit(number)[1]
        if wanted < 0 or (hard != resource.RLIM_INFINITY and wanted > hard):
            wanted = hard
        with contextlib.suppress(OSError, ValueError, OverflowError):
            resource.setrlimit(number, (wanted, hard))
