"""Users and groups of this machine by name and by id, each looked up once."""

import grp
import pwd
from collections.abc import Callable

_groups: dict[int, tuple[str, str]] = {}


def uid_of(name: str) -> int | None:
    """The id of a user; None when this machine knows none of that name."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, UnicodeEncodeError):
        return None


def group_of(uid: int) -> tuple[str, str]:
    """Id and name of a user's group; blank when this machine does not know the user."""
    found = _groups.get(uid)
    if found is None:
        found = _groups[uid] = _group(uid)
    return found


def _group(uid: int) -> tuple[str, str]:
    try:
        gid = pwd.getpwuid(uid).pw_gid
    except KeyError:
        return "", ""
    try:
        return str(gid), grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid), ""


def user_name(uid: int) -> str:
    """The name of a user; the id where this machine knows none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def full_name(uid: int) -> str:
    """A user's name in full, as this machine has it."""
    try:
        return pwd.getpwuid(uid).pw_gecos.partition(",")[0]
    except KeyError:
        return ""


def gid_of(word: str) -> str:
    """The id of a group given by name or id; a name that is not known stands for itself."""
    try:
        return word if word.isdecimal() else str(grp.getgrnam(word).gr_gid)
    except (KeyError, UnicodeEncodeError):
        return word


def users_named(text: str, refused: Callable[[str], Exception]) -> str:
    """The ids of a list of users by name or id. Raises what `refused` makes of a name not known here."""
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        uid = int(word) if word.isdecimal() and len(word) <= 10 else uid_of(word)
        if uid is None:
            raise refused(word)
        found.append(str(uid))
    return ",".join(found)
