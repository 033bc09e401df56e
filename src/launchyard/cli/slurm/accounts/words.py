"""The words after sacctmgr's verb: names, `where` conditions, `set` values, formats."""

from launchyard.cli.slurm.main import Refused
from launchyard.model.light import NamedTuple

ENTITIES = {
    "account": "account",
    "accounts": "account",
    "acct": "account",
    "assoc": "association",
    "association": "association",
    "associations": "association",
    "associationss": "association",
    "cluster": "cluster",
    "clusters": "cluster",
    "config": "configuration",
    "configuration": "configuration",
    "event": "event",
    "events": "event",
    "federation": "federation",
    "problem": "problem",
    "problems": "problem",
    "qos": "qos",
    "resource": "resource",
    "reservation": "reservation",
    "runaway": "runawayjobs",
    "runawayjobs": "runawayjobs",
    "stats": "stats",
    "transaction": "transaction",
    "transactions": "transaction",
    "tres": "tres",
    "user": "user",
    "users": "user",
    "wckey": "wckey",
    "wckeys": "wckey",
}
PLAIN = ("withassoc", "withassocs", "withcoord", "withdeleted", "wopinfo", "woplimits", "tree", "wolimits")
NAMES = ("account", "accounts", "acct", "user", "users", "name", "names", "cluster", "clusters", "qos")


class Mode(NamedTuple):
    """Options before the verb."""

    immediate: bool
    header: bool
    parsable: str
    readonly: bool
    quiet: bool
    associations: bool
    json: bool = False


class Words(NamedTuple):
    """`names` stand alone; `where` and `put` are lower-case keys and their values, with `+`/`-` before them.

    Before the word `set` all belongs to `where`, except where nothing is to be set.
    """

    names: list[str]
    where: list[tuple[str, str]]
    put: list[tuple[str, str]]
    flags: frozenset[str]
    has_set: bool

    def last(self, *keys: str) -> str | None:
        values = [value for key, value in self.where if key in keys]
        return values[-1] if values else None


def split(words: list[str]) -> Words:
    names, where, put, flags = list[str](), list[tuple[str, str]](), list[tuple[str, str]](), set[str]()
    setting = has_set = False
    for word in words:
        key, equals, value = word.partition("=")
        lower = key.lower()
        if not equals and lower in ("set", "where"):
            setting = lower == "set"
            has_set = has_set or setting
        elif not equals and lower in PLAIN:
            flags.add(lower)
        elif not equals:
            names += [one for one in word.split(",") if one]
        else:
            sign = lower[-1:] if lower[-1:] in "+-" else ""
            pair = (lower.removesuffix(sign) if sign else lower, sign + value.strip("\"'"))
            (put if setting else where).append(pair)
    return Words(names, where, put, frozenset(flags), has_set)


def listed(text: str | None) -> list[str]:
    return [one.strip() for one in (text or "").split(",") if one.strip()]


def entity_of(verb: str, words: list[str]) -> str:
    kind = ENTITIES.get(words[0].lower()) if words else None
    if kind is None:
        raise Lines(
            f"No valid entity in {verb} command",
            'Input line must include "Account", "Association", "Cluster", "Configuration",',
            '"Event", "Federation", "Problem", "QOS", "Resource", "Reservation",',
            '"RunAwayJobs", "Stats", "Transaction", "TRES", "User", or "WCKey"',
        )
    return kind


class Lines(Refused):
    """Ends the command with lines that bear no name, as most of this command's do."""

    def __init__(self, *lines: str, code: int = 1) -> None:
        super().__init__(code=code)
        self.plain = lines
