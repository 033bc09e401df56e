"""What to ask for next time, after a job needed more than it asked for: amounts that a person would write."""

_GIB = 1024


def next_memory_mib(asked_mib: int, peak_mib: float | None, wanted_mib: int = 0) -> int:
    """Twice what it asked for or used (from 64 GiB on half as much again), or room for `wanted_mib` more."""
    base = max(asked_mib, int(peak_mib or 0))
    grown = base * 2 if base < 64 * _GIB else base * 3 // 2
    return rounded_memory(max(grown, base + wanted_mib))


def rounded_memory(mib: int) -> int:
    """Up to a step of 64 MiB, from 2 GiB on of 1 GiB, from 32 GiB on of 8."""
    for least, step in ((32 * _GIB, 8 * _GIB), (2 * _GIB, _GIB)):
        if mib >= least:
            return -(-mib // step) * step
    return -(-mib // 64) * 64


def short_memory(mib: int) -> str:
    """As `--mem` takes it: `2G`, `1536M`."""
    return f"{mib // _GIB}G" if mib % _GIB == 0 else f"{mib}M"


def next_time_limit_s(limit_s: int) -> int:
    """Twice the limit, in whole minutes, from 2 h on in whole hours."""
    doubled = limit_s * 2
    step = 3600 if doubled >= 7200 else 60 if doubled >= 120 else 1
    return -(-doubled // step) * step


def part_of(used_mib: float, asked_mib: int) -> str:
    """`1.0 of 1.0 GiB`, `60 of 64 MiB`."""
    for unit, size in (("TiB", 1 << 20), ("GiB", 1 << 10)):
        if asked_mib >= size:
            return f"{used_mib / size:.1f} of {asked_mib / size:.1f} {unit}"
    return f"{used_mib:.0f} of {asked_mib} MiB"
