"""What surrounds the commands that show jobs: the clock, the time zone, groups, the environment."""

import grp
import os
import pwd
import time

from launchyard.slurm.facts import ARRAY_TEXT_MAX, Surroundings
from launchyard.slurm.times import Stamp, stamps

NOBODY = (0, "nogroup")


def stamp_of(now: float, unknown: str = "N/A") -> Stamp:
    """How times are written here: in the caller's zone, as SLURM_TIME_FORMAT says."""
    return stamps(os.environ.get("SLURM_TIME_FORMAT"), now, time.localtime, time.strftime, unknown)


def surroundings(cluster: str = "") -> Surroundings:
    now = time.time()
    length = os.environ.get("SLURM_BITSTR_LEN", "")
    longest = int(length) if length.isdecimal() and len(length) < 9 else ARRAY_TEXT_MAX
    return Surroundings(now, stamp_of(now), _Groups(), cluster, longest)


class _Groups:
    """Gid and group name by uid, looked up once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, str]] = {}

    def __call__(self, uid: int) -> tuple[int, str]:
        if uid not in self._known:
            self._known[uid] = _look_up(uid)
        return self._known[uid]


def _look_up(uid: int) -> tuple[int, str]:
    try:
        gid = pwd.getpwuid(uid).pw_gid
    except KeyError:
        return NOBODY
    try:
        return gid, grp.getgrgid(gid).gr_name
    except KeyError:
        return gid, str(gid)
