"""Amounts as the accounting commands print them: `100M`, `316848K`, `0.30G`, `cpu=1,mem=100M,node=1`."""

from collections.abc import Iterable

UNITS = "KMGTP"
_BYTES = {letter: 1024 ** (place + 1) for place, letter in enumerate(UNITS)}


class Units:
    """`spec` is the unit of `--units`; `exact` is `--noconvert`."""

    def __init__(self, spec: str = "", exact: bool = False) -> None:
        self.spec = spec
        self.exact = exact

    def size(self, count: float, unit: str = "", always: str = "") -> str:
        """`count` of `unit` (bytes without one); `always` is the unit where `--units` names none.

        Without any the largest unit that it is a whole number of.
        """
        if not count:
            return "0"
        if self.exact and not self.spec:
            return f"{_number(count)}{unit}"
        spec = self.spec or always
        if spec:
            return f"{_number(count * _BYTES.get(unit, 1) / _BYTES[spec])}{spec}"
        whole, place = int(count), UNITS.index(unit) if unit else -1
        while whole >= 1024 and whole % 1024 == 0 and place + 1 < len(UNITS):
            whole, place = whole // 1024, place + 1
        return f"{whole}{UNITS[place] if place >= 0 else ''}"

    def resources(self, parts: Iterable[tuple[str, float]]) -> str:
        """Trackable resources, those that are 0 left out: `cpu=2,mem=200M,node=1`; `mem` is in MiB."""
        shown = sorted((name, count) for name, count in parts if count)
        return ",".join(
            f"{name}={self.size(count, 'M') if name == 'mem' else _number(count)}" for name, count in shown
        )


def _number(count: float) -> str:
    return str(int(count)) if int(count) == count else f"{count:.2f}"


def whole_cpus(cpus_milli: float) -> int:
    """Thousandths of CPUs as Slurm counts them: any part of one is one."""
    return -(-int(cpus_milli) // 1000)


def short_clock(seconds: float) -> str:
    """CPU time: `00:03.286` below an hour, `01:00:03`, `1-02:03:04`; nothing at all is `00:00:00`."""
    whole, millis = divmod(int(round(seconds, 6) * 1000 + 1e-6), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}-{hour:02}:{minute:02}:{second:02}"
    if hours or not millis:
        return f"{hour:02}:{minute:02}:{second:02}"
    return f"{minute:02}:{second:02}.{millis:03}"
