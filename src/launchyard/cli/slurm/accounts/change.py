"""sacctmgr add, modify and delete: turned into changes of our rules, which hold at once."""

import sys

from launchyard.cli.slurm.accounts.show import site
from launchyard.cli.slurm.accounts.words import Lines, Mode, Words, entity_of, listed, split
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import Forbidden, Invalid, LaunchyardError
from launchyard.model.light import Any
from launchyard.slurm import associations as of
from launchyard.slurm.limitnames import NONE, OF_QOS, PARTITION_FLAGS, minutes, of_association, values_of

CHANGEABLE = ("account", "user", "qos")
NAMED = {
    "account": ("name", "names", "account", "accounts", "acct"),
    "user": ("name", "names", "user", "users"),
    "qos": ("name", "names", "qos"),
}
IGNORED = ("cluster", "clusters", "partition", "partitions", "adminlevel", "admin", "withassoc", "email")
TEXTS = ("description", "organization", "comment", "desc", "org")
SHOWN = {
    "grptres": "GrpTRES",
    "grpjobs": "GrpJobs",
    "maxwall": "MaxWall",
    "maxtrespu": "MaxTRESPerUser",
    "maxtresperuser": "MaxTRESPerUser",
    "maxjobspu": "MaxJobsPerUser",
    "maxjobsperuser": "MaxJobsPerUser",
    "maxsubmitpu": "MaxSubmitJobsPerUser",
    "maxsubmitjobsperuser": "MaxSubmitJobsPerUser",
    "usagefactor": "UsageFactor",
}
"""How some settings are written back."""
PROMPT = "Would you like to commit changes? (You have 30 seconds to decide)\n(N/y): "

Values = dict[str, str]


class Entry:
    """What a change is made of: where it goes, the words, the site before it."""

    def __init__(self, verb: str, words: list[str], mode: Mode) -> None:
        self.kind = entity_of(verb, words)
        if mode.readonly:
            raise Lines("Can't run this command in readonly mode.")
        if self.kind not in CHANGEABLE:
            raise Lines(f" {self.kind}: it is named in the configuration file of the server")
        self.mode = mode
        self.words: Words = split(words[1:])
        self.server = Server()
        self.site = site(self.server)

    def names(self) -> list[str]:
        return [*self.words.names, *listed(self.words.last(*NAMED[self.kind]))]

    def exists(self, name: str) -> bool:
        table = {"account": "accounts", "user": "users", "qos": "qos"}[self.kind]
        return any(one["name"] == name for one in self.site.tables.get(table) or [])

    def accounts_of(self, user: str) -> list[str]:
        found = [one for one in self.site.tables.get("users") or [] if one["name"] == user]
        return [one.get("account") or of.IMPLICIT for one in found]

    def send(self, kind: str, name: str, values: Values, *, remove: bool = False) -> None:
        body: dict[str, Any] = {"kind": kind, "name": name, "values": values, "remove": remove}
        try:
            self.server.post("/v1/admin/policy", body)
        except Forbidden:
            verb = {"account": "accounts", "user": "users", "qos": "QOS"}[kind]
            raise Lines(f" Problem changing {verb}: Access/permission denied") from None
        except LaunchyardError as error:
            raise Lines(f" {error}") from None

    def commit(self) -> bool:
        """The end of the input is a no."""
        if self.mode.immediate:
            return True
        print(PROMPT, end="", flush=True)
        while (answer := sys.stdin.readline()) and answer[:1] not in "nNyY":
            print("Y or N\n(N/y): ", end="", flush=True)
        if answer[:1] and answer[:1] in "yY":
            return True
        print(" Changes Discarded")
        return False


# -- add


def add(words: list[str], mode: Mode) -> int:
    entry = Entry("add", words, mode)
    names = entry.names()
    if not names:
        raise Lines(f" Need name of {entry.kind} to add.")
    pairs = [*entry.words.where, *entry.words.put]
    return {"account": _add_accounts, "user": _add_users, "qos": _add_qos}[entry.kind](entry, names, pairs)


def _add_accounts(entry: Entry, names: list[str], pairs: list[tuple[str, str]]) -> int:
    fresh = [name for name in names if not entry.exists(name)]
    if not fresh:
        raise Lines(" Nothing new added.")
    pairs = [pair for pair in pairs if pair[0] not in NAMED["account"]]
    values = _values(entry, pairs, None)
    texts = dict(pairs)
    print(" Adding Account(s)")
    for name in fresh:
        print(f"  {name}")
    print(" Settings")
    print(f"  Description     = {texts.get('description') or texts.get('desc') or 'Account Name'}")
    print(f"  Organization    = {texts.get('organization') or texts.get('org') or 'Parent/Account Name'}")
    print(" Associations")
    for name in fresh:
        print(f"  A = {name:<10} C = {entry.site.cluster:<10}")
    if "shares" in values or "parent" in values:
        print(" Settings")
    if "shares" in values:
        print(f"  Fairshare     = {values['shares']}")
    if "parent" in values:
        print(f"  Parent        = {values['parent']}")
    if entry.commit():
        for name in fresh:
            entry.send("account", name, values or {"shares": "1"})
    return 0


def _add_users(entry: Entry, names: list[str], pairs: list[tuple[str, str]]) -> int:
    asked = dict(pairs)
    accounts = next((listed(asked[key]) for key in ("account", "accounts", "acct") if key in asked), [])
    accounts = accounts or listed(asked.get("defaultaccount"))
    if not accounts:
        raise Lines(" Need name of account to add user to.")
    known = {one["name"] for one in entry.site.tables.get("accounts") or []}
    missing = next((one for one in accounts if one not in known), None)
    if missing is not None:
        print(f" This account '{missing}' doesn't exist.\n        Contact your admin to add this account.")
        raise Lines(" No associations or wckeys created.")
    fresh = [(name, one) for name in names for one in accounts if one not in entry.accounts_of(name)]
    if not fresh:
        raise Lines(" Nothing new added.")
    pairs = [pair for pair in pairs if pair[0] not in (*NAMED["user"], "account", "accounts", "acct")]
    values = _values(entry, [pair for pair in pairs if pair[0] != "defaultaccount"], None)
    if people := list(dict.fromkeys(name for name, _ in fresh if not entry.exists(name))):
        print(" Adding User(s)")
        for name in people:
            print(f"  {name}")
    print(" Associations =")
    for name, account in fresh:
        print(f"  U = {name:<9} A = {account:<10} C = {entry.site.cluster:<10}")
    print(" Non Default Settings")
    if not entry.commit():
        return 0
    for name, account in fresh:
        first = asked.get("defaultaccount", accounts[0]) == account and not entry.accounts_of(name)
        entry.send("user", name, {"account": account, **({"default": "true"} if first else {}), **values})
    return 0


def _add_qos(entry: Entry, names: list[str], pairs: list[tuple[str, str]]) -> int:
    fresh = [name for name in names if not entry.exists(name)]
    if not fresh:
        raise Lines(" Nothing new added.")
    pairs = [pair for pair in pairs if pair[0] not in NAMED["qos"]]
    values = _values(entry, pairs, None)
    print(" Adding QOS(s)")
    for name in fresh:
        print(f"  {name}")
    print(" Settings")
    print(f"  Description    = {','.join(fresh)}")
    for key, value in sorted(pairs):
        print(f"  {SHOWN.get(key, key.capitalize()):<24} = {value}")
    if entry.commit():
        for name in fresh:
            entry.send("qos", name, values or {"priority": "0"})
    return 0


# -- modify


def modify(words: list[str], mode: Mode) -> int:
    entry = Entry("modify", words, mode)
    if not entry.words.put:
        raise Lines(" You didn't give me anything to set")
    known = {"account": "accounts", "user": "users", "qos": "qos"}[entry.kind]
    names = entry.names() or sorted({one["name"] for one in entry.site.tables.get(known) or []})
    names = [name for name in names if entry.exists(name)]
    targets = _targets(entry, names)
    if not targets:
        raise Lines(" Nothing modified")
    changes = []
    for name, account in targets:
        values = _values(entry, entry.words.put, _before(entry, name, account))
        changes.append((name, {"account": account, **values} if account else values))
    print(" Modified qos..." if entry.kind == "qos" else f" Modified {entry.kind} associations...")
    cluster = entry.site.cluster
    for name, account in targets:
        if entry.kind == "qos":
            print(f"  {name}")
        elif entry.kind == "account":
            print(f"  C = {cluster:<10} A = {name} of root")
        else:
            print(f"  C = {cluster:<10} A = {account:<20} U = {name:<9}")
    if entry.commit():
        for name, values in changes:
            entry.send(entry.kind, name, values)
    return 0


def _targets(entry: Entry, names: list[str]) -> list[tuple[str, str]]:
    """Names, and of users the accounts in which they are meant."""
    if entry.kind != "user":
        return [(name, "") for name in names]
    wanted = listed(entry.words.last("account", "accounts", "acct"))
    return [
        (name, account)
        for name in names
        for account in entry.accounts_of(name)
        if not wanted or account in wanted
    ]


def _before(entry: Entry, name: str, account: str) -> dict[str, Any]:
    table = {"account": "accounts", "user": "users", "qos": "qos"}[entry.kind]
    return next(
        one
        for one in entry.site.tables[table]
        if one["name"] == name and (not account or (one.get("account") or of.IMPLICIT) == account)
    )


# -- delete


def delete(words: list[str], mode: Mode) -> int:
    entry = Entry("delete", words, mode)
    names = [name for name in entry.names() if entry.exists(name)]
    targets = _targets(entry, names)
    if not targets:
        raise Lines(" Nothing deleted")
    if entry.kind == "user":
        return _delete_users(entry, targets)
    print(" Deleting accounts..." if entry.kind == "account" else " Deleting QOS(s)...")
    for name, _ in targets:
        print(f"  {name}")
    if not entry.commit():
        return 0
    for name, _ in targets:
        for user in entry.site.tables.get("users") or [] if entry.kind == "account" else []:
            if user.get("account") == name:
                entry.send("user", user["name"], {"account": name}, remove=True)
        entry.send(entry.kind, name, {}, remove=True)
    return 0


def _delete_users(entry: Entry, targets: list[tuple[str, str]]) -> int:
    print(" Deleting user associations...")
    for name, account in targets:
        print(f"  C = {entry.site.cluster:<10} A = {account:<10} U = {name:<9}")
    gone = list(dict.fromkeys(name for name, _ in targets))
    gone = [name for name in gone if all((name, one) in targets for one in entry.accounts_of(name))]
    if gone:
        print(" Deleting users (No Associations)...")
        for name in gone:
            print(f"  {name}")
    if entry.commit():
        for name, account in targets:
            entry.send("user", name, {"account": account} if account != of.IMPLICIT else {}, remove=True)
    return 0


# -- values


def _values(entry: Entry, pairs: list[tuple[str, str]], before: dict[str, Any] | None) -> Values:
    """Our keys and texts. `before`: what there is, for `qos+=`."""
    values: Values = {}
    for key, value in pairs:
        if key in IGNORED or key in TEXTS:
            continue
        try:
            found = _value(entry.kind, key, value, before or {})
        except Invalid as error:
            raise Lines(f" {error}") from None
        if found is None:
            raise Lines(f" Unknown option: {key}={value}", " Use keyword 'where' to modify condition")
        values |= found
    return values


def _value(kind: str, key: str, value: str, before: dict[str, Any]) -> Values | None:
    if key in ("fairshare", "share", "shares", "rawshares") and kind != "qos":
        return {"shares": "1" if value == NONE else value}
    if key == "parent" and kind == "account":
        return {"parent": "" if value == of.ROOT else value}
    if key in ("qos", "qoslevel") and kind != "qos":
        return {"qos": _list(value, before.get("qos") or [])}
    if key in ("defaultqos", "defqos") and kind != "qos":
        return {"default_qos": "" if value == NONE else value}
    if key in ("defaultaccount", "defacct") and kind == "user":
        return {"default": "true"} if before.get("account") == value else {}
    if kind == "qos" and (found := _qos_value(key, value, before)) is not None:
        return found
    limits = OF_QOS if kind == "qos" else of_association(kind)
    ours = limits.get(key) or next((name for one, name in limits.items() if one.startswith(key)), None)
    return None if ours is None or len(key) < len("maxt") else values_of(ours, value)


def _qos_value(key: str, value: str, before: dict[str, Any]) -> Values | None:
    if key == "priority":
        return {"priority": "" if value == NONE else value}
    if key == "preempt":
        return {"preempts": _list(value, before.get("preempts") or [])}
    if key == "preemptmode":
        return {"preempt_mode": "" if value.lower() == "cluster" else value.lower()}
    if key == "gracetime":
        return {"grace": "" if value == NONE else f"{value}s" if value.isdecimal() else minutes(value)}
    if key == "usagefactor":
        return {"usage_factor": value}
    if key == "flags":
        asked = [one.strip("+-").lower() for one in value.split(",")]
        found = any(one in PARTITION_FLAGS for one in asked)
        return {"ignores_partition_limits": "true"} if found and value[:1] != "-" else {}
    return None


def _list(value: str, before: list[str]) -> str:
    """`a,b`, `+a`, `-a`; -1 is none. Where none is named all may be used: nothing can be put to that."""
    if value == NONE:
        return ""
    names = listed(value.lstrip("+-"))
    if value[:1] == "+":
        names = list(dict.fromkeys([*before, *names])) if before else []
    elif value[:1] == "-":
        names = [one for one in before if one not in names]
    return ",".join(names)
