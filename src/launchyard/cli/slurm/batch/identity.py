"""--uid and --gid: root submits as somebody else, by becoming that user first."""

import grp
import os
import pwd

from launchyard.cli.slurm.arguments import WrongUse


def become(user: str | None, group: str | None) -> None:
    """Take on the user and group, by name or number. Raises `WrongUse`."""
    for name, value in (("uid", user), ("gid", group)):
        if value is not None and os.getuid() != 0:
            raise WrongUse(f"error: --{name} only permitted by root user")
    entry = _entry(user) if user is not None else pwd.getpwuid(0)
    gid = _group(group) if group is not None else entry.pw_gid
    os.initgroups(entry.pw_name, gid)
    os.setgid(gid)
    os.setuid(entry.pw_uid)


def _entry(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        raise WrongUse("error: Invalid --uid specification") from None


def _group(group: str) -> int:
    try:
        return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise WrongUse("error: Invalid --gid specification") from None
