"""A Slurm of which one node shares neither homes nor /tmp with the others, by a mount namespace."""

import os
import pwd
from pathlib import Path

from tests.slurm.lab import Lab
from tests.slurm.settings import USERS

HERE = Path(__file__).resolve().parents[2]
"""With the interpreter that apps of tests run in: it may lie below /tmp too."""
ENTER = """
set -eu
keep=$(mktemp -d -p /run launchyard-apart-XXXXXX)
for one in $1; do mkdir -p "$keep$one"; mount --bind "$one" "$keep$one"; done
mount -t tmpfs -o mode=1777 tmpfs /tmp
for one in $1; do mkdir -p "$one"; done
for one in $2; do chmod 755 "$one"; done
for one in $1; do mount --bind "$keep$one" "$one"; umount "$keep$one"; done
rm -r "$keep"
for one in $3; do mount -t tmpfs -o mode=700,uid="${one#*:}" tmpfs "${one%:*}"; done
shift 3
exec "$@"
"""


class ApartLab(Lab):
    """`apart` is that node: what users keep of their own there nobody sees elsewhere."""

    apart = "n2"

    def _start(self, name: str, user: str, *command: str) -> None:
        if name != f"slurmd-{self.apart}" or command[0] == "unshare":
            super()._start(name, user, *command)
            return
        kept = [one for one in (self.directory, HERE) if Path("/tmp") in one.parents]
        above = {str(one): None for each in kept for one in each.parents if Path("/tmp") in one.parents}
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]
        states = " ".join(_state_of(one) for one in ("root", *USERS))
        super()._start(name, user, *enter, " ".join(map(str, kept)), " ".join(above), states, *command)


def _state_of(user: str) -> str:
    """Where ours is in the home of a user, and the user's number."""
    entry = pwd.getpwnam(user)
    state = Path(entry.pw_dir) / ".local" / "state"
    for one in (state.parent, state):
        if not one.exists():
            one.mkdir()
            os.chown(one, entry.pw_uid, entry.pw_gid)
    return f"{state}:{entry.pw_uid}"
