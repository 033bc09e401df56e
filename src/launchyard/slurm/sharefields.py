"""sshare(1): shares, usage and factors of accounts and users, as a tree."""

from collections.abc import Iterable, Mapping, Sequence

from launchyard.model.light import Any
from launchyard.slurm.amounts import whole_cpus
from launchyard.slurm.columns import PLAIN, table_of

FIELDS = table_of(
    """
    Account:-20 Cluster:10 EffectvUsage:13 FairShare:10 GrpTRESMins:30 GrpTRESRaw:30 ID:6 LevelFS:10
    NormShares:11 NormUsage:11 Partition:12 RawShares:10 RawUsage:11 TRESRunMins:30 User:10
    """,
    {PLAIN: "EffectvUsage FairShare ID LevelFS NormShares NormUsage RawShares RawUsage"},
)
DEFAULT = "account,user,rawshares,normshares,rawusage,effectvusage,fairshare"
LONG = (
    "account,user,rawshares,normshares,rawusage,normusage,effectvusage,fairshare,levelfs,"
    "grptresmins,tresrunmins"
)
PARTITION = "account,user,partition,rawshares,normshares,rawusage,effectvusage,fairshare"
ROOT = "root"
RESOURCES = ("cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages", "gres/gpu")

Branch = dict[str, Any]
"""A line: `account user depth shares shares_norm usage_norm level factor billed_s of_all`; None is blank."""


def tree(rows: Iterable[Mapping[str, Any]]) -> list[Branch]:
    """The root and all below it, in the order of the rows (each account before what is in it)."""
    branches = [
        {**row, "depth": 1 + (row.get("depth") or 0), "billed_s": row["billed_hours"] * 3600} for row in rows
    ]
    top = [one for one in branches if one["depth"] == 1]
    total = sum(one["billed_s"] for one in top)
    for one in branches:
        one["of_all"] = one["billed_s"] / total if total else 0.0
        if one["account"] is None:
            # Without accounts: users of the root, each with the same share.
            one.update(
                account=ROOT, shares=1, shares_norm=1 / len(top), usage_norm=one["of_all"], factor=None
            )
    root = {
        **_NOBODY,
        "account": ROOT,
        "billed_s": total,
    }
    return (
        [root, *branches] if not any(one["user"] is None for one in branches) else [root, *_beside(branches)]
    )


_NOBODY: Branch = {
    **{"user": None, "depth": 0, "shares": None, "shares_norm": 0.0, "usage_norm": 1.0, "level": None},
    **{"factor": None, "billed_s": 0.0, "of_all": None},
}


def _beside(branches: list[Branch]) -> list[Branch]:
    """The user root stands in the account root with one share, as sites of Slurm are set up."""
    top = [one for one in branches if one["depth"] == 1]
    # Accounts of others may not be told: what there is in all is told by the part that one of them has.
    shares = round(top[0]["shares"] / top[0]["shares_norm"]) if top and top[0]["shares_norm"] else 0
    for one in branches:
        if one["depth"] == 1:
            part = shares / (shares + 1)
            one["shares_norm"] *= part
            one["level"] = None if one["level"] is None else one["level"] * part
    own = {"account": ROOT, "user": ROOT, "depth": 1, "shares": 1, "shares_norm": 1 / (shares + 1)}
    return [{**_NOBODY, **own, "usage_norm": 0.0, "factor": 1.0, "of_all": 0.0}, *branches]


def with_running(branches: list[Branch], jobs: Iterable[Mapping[str, Any]], now: float) -> list[Branch]:
    """What running jobs may still use by their time limits goes to their users and all accounts above."""
    found = [{**one, "running": dict.fromkeys(RESOURCES, 0)} for one in branches]
    for job in jobs:
        if job["state"] != "RUNNING" or job["time_limit_s"] is None or job["begun_at"] is None:
            continue
        minutes = max(0.0, job["begun_at"] + job["time_limit_s"] - now) / 60
        cpus = whole_cpus(job["got_cpus_milli"])
        held = {"cpu": cpus, "mem": job["got_memory_mib"], "node": len(job["nodes"]), "billing": cpus}
        held["gres/gpu"] = job["got_gpus"]
        for one in _above(found, job["account"] or ROOT, job["user"]):
            for name, count in held.items():
                one["running"][name] += int(count * minutes)
    return found


def _above(branches: list[Branch], account: str, user: str) -> list[Branch]:
    """A user in an account, and the accounts that it is in, up to the root."""
    places = [n for n, one in enumerate(branches) if (one["account"], one["user"]) == (account, user)]
    found, depth = [], None
    for one in reversed(branches[: places[0] + 1] if places else branches[:1]):
        if depth is None or (one["depth"] < depth and one["user"] is None):
            found.append(one)
            depth = one["depth"]
    return found


def chosen_of(
    branches: Sequence[Branch],
    *,
    users: frozenset[str] | None,
    accounts: frozenset[str] | None,
    users_only: bool,
) -> list[Branch]:
    """Those of these users (None: all) and accounts. Named accounts begin a tree of their own."""
    found = [one for one in branches if one["user"] is None or users is None or one["user"] in users]
    if users_only:
        return [{**one, "depth": 0} for one in found if one["user"] is not None]
    if accounts is None:
        return found
    found = [one for one in found if one["account"] in accounts]
    least = min((one["depth"] for one in found), default=0)
    return [{**one, "depth": one["depth"] - least} for one in found]


def value(name: str, one: Branch, cluster: str) -> str:
    """A field (small letters) of a line."""
    if name == "account":
        return " " * int(one["depth"]) + str(one["account"])
    if name == "rawusage":
        return str(int(one["billed_s"]))
    if name == "levelfs":
        return _level(one)
    if name == "cluster":
        return cluster
    if name == "tresrunmins":
        return ",".join(f"{key}={count}" for key, count in one.get("running", {}).items())
    key = _KEYS.get(name)
    found: object = None if key is None else one[key]
    if name == "fairshare" and one["user"] is None:
        return ""
    if isinstance(found, float):
        return f"{found:.6f}"
    return "" if found is None else str(found)


_KEYS = {
    "effectvusage": "usage_norm",
    "fairshare": "factor",
    "normshares": "shares_norm",
    "normusage": "of_all",
    "rawshares": "shares",
    "user": "user",
}


def _level(one: Branch) -> str:
    if one["depth"] == 0 and one["user"] is None and one["shares"] is None:
        return ""
    level: float | None = one["level"]
    return "inf" if level is None else f"{level:.6f}"
