"""Accounts, users, QOS and associations as sacctmgr shows them, from the tables of our rules. Pure."""

from collections.abc import Mapping, Sequence

from launchyard.model.light import Any, NamedTuple
from launchyard.model.walltime import parse_walltime
from launchyard.slurm.limitnames import MINUTES, tres_text
from launchyard.slurm.times import full_clock

Row = dict[str, str]
ROOT = "root"
IMPLICIT = "default"


class Site(NamedTuple):
    """`tables` of our rules, the cluster's name, the caller, and who the administrators are."""

    tables: Mapping[str, Any]
    cluster: str
    user: str

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """Where none is configured all jobs belong to one."""
        return self.tables.get("accounts") or [{"name": IMPLICIT, "everyone": True}]

    @property
    def users(self) -> list[dict[str, Any]]:
        """Those that are named; where everybody may use an account, at least the caller."""
        found = [{"account": IMPLICIT, **one} for one in self.tables.get("users") or []]
        if not any(one["name"] == self.user for one in found):
            open_to_all = next((one["name"] for one in self.accounts if one.get("everyone")), None)
            found += [{"name": self.user, "account": open_to_all}] if open_to_all else []
        return found

    @property
    def qos(self) -> list[dict[str, Any]]:
        return self.tables.get("qos") or [{"name": "normal"}]


def accounts(site: Site) -> list[Row]:
    rows = [
        {"account": one["name"], "description": one["name"], "organization": one.get("parent") or one["name"]}
        for one in site.accounts
    ]
    root = {"account": ROOT, "description": "default root account", "organization": ROOT}
    return sorted([*rows, root], key=lambda row: row["account"])


def users(site: Site) -> list[Row]:
    found: dict[str, Row] = {}
    for one in site.users:
        row = found.setdefault(one["name"], {"user": one["name"], "admin": "None", "defaultaccount": ""})
        if one.get("default") or not row["defaultaccount"]:
            row["defaultaccount"] = one["account"]
    if "root" not in found:
        found["root"] = {"user": "root", "defaultaccount": ROOT, "admin": "Administrator"}
    found["root"]["admin"] = "Administrator"
    return [found[name] for name in sorted(found)]


def associations(site: Site) -> list[Row]:
    """The tree from its root: an account, its users, the accounts below it."""
    root = _association(site, {"name": ROOT}, "", ROOT, 0)
    top = _association(site, {"name": ROOT}, "root", ROOT, 1)
    return [root, top, *_below(site, None, 1)]


def _below(site: Site, parent: str | None, depth: int) -> list[Row]:
    rows: list[Row] = []
    for one in sorted(site.accounts, key=lambda account: str(account["name"])):
        if one.get("parent") != parent:
            continue
        name = one["name"]
        row = _association(site, one, "", name, depth)
        row["parentname"] = parent or ROOT
        rows.append(row)
        for user in sorted((user for user in site.users if user["account"] == name), key=lambda u: u["name"]):
            inherited = {"per_job": one.get("per_job") or {}}
            rows.append(_association(site, {**inherited, **user}, user["name"], name, depth + 1))
        rows += _below(site, name, depth + 1)
    return rows


def _association(site: Site, one: Mapping[str, Any], user: str, account: str, depth: int) -> Row:
    limits, per_job = one.get("limits") or {}, one.get("per_job") or {}
    own = limits if user else one.get("per_user") or {}
    group = {} if user else limits
    known = ",".join(sorted(str(qos["name"]) for qos in site.qos))
    return {
        "cluster": site.cluster,
        "account": account,
        "user": user,
        "depth": str(depth),
        "share": str(one.get("shares", 1)),
        "grpjobs": _text(group.get("jobs")),
        "grpsubmit": _text(group.get("waiting")),
        "grptres": tres_text(limits),
        "grptresmins": tres_text(limits, MINUTES),
        "maxjobs": _text(own.get("jobs")),
        "maxsubmit": _text(own.get("waiting")),
        "maxtres": tres_text(per_job),
        "maxtresmins": tres_text(per_job, MINUTES),
        "maxwall": _wall(per_job.get("time_limit")),
        "qos": ",".join(one.get("qos") or ()) or known,
        "defaultqos": _text(one.get("default_qos")),
    }


def qos(site: Site) -> list[Row]:
    return [_qos(one) for one in site.qos]


def _qos(one: Mapping[str, Any]) -> Row:
    limits, per_job = one.get("limits") or {}, one.get("per_job") or {}
    per_user, per_account = one.get("per_user") or {}, one.get("per_account") or {}
    flags = "PartitionMaxNodes,PartitionMinNodes,PartitionTimeLimit"
    return {
        "name": one["name"],
        "priority": str(one.get("priority", 0)),
        "gracetime": _wall(one.get("grace")) or "00:00:00",
        "preempt": ",".join(one.get("preempts") or ()),
        "preemptmode": str(one.get("preempt_mode") or "cluster").lower(),
        "flags": flags if one.get("ignores_partition_limits") else "",
        "usagefactor": f"{float(one.get('usage_factor', 1)):.6f}",
        "grptres": tres_text(limits),
        "grptresmins": tres_text(limits, MINUTES),
        "grpjobs": _text(limits.get("jobs")),
        "grpsubmit": _text(limits.get("waiting")),
        "maxtres": tres_text(per_job),
        "maxtresmins": tres_text(per_job, MINUTES),
        "maxwall": _wall(per_job.get("time_limit")),
        "maxtrespu": tres_text(per_user),
        "maxjobspu": _text(per_user.get("jobs")),
        "maxsubmitpu": _text(per_user.get("waiting")),
        "maxtrespa": tres_text(per_account),
        "maxjobspa": _text(per_account.get("jobs")),
        "maxsubmitpa": _text(per_account.get("waiting")),
    }


def clusters(site: Site) -> list[Row]:
    known = ",".join(sorted(str(one["name"]) for one in site.qos))
    return [
        {
            "cluster": site.cluster,
            "controlhost": "localhost",
            "controlport": "0",
            "rpc": "0",
            "share": "1",
            "qos": known,
        }
    ]


TRES_KNOWN = (
    ("cpu", "", 1),
    ("mem", "", 2),
    ("energy", "", 3),
    ("node", "", 4),
    ("billing", "", 5),
    ("fs", "disk", 6),
    ("vmem", "", 7),
    ("pages", "", 8),
    ("gres", "gpu", 1001),
)


def tres(site: Site) -> list[Row]:
    return [{"type": kind, "tresname": name, "id": str(id)} for kind, name, id in TRES_KNOWN]


def joined(rows: Sequence[Row], others: Sequence[Row], key: str) -> list[Row]:
    """Each row with each of its associations (`withassoc`)."""
    return [{**other, **row} for row in rows for other in others if other[key] == row[key]]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _wall(text: Any) -> str:
    seconds = parse_walltime(str(text)) if text else None
    return "" if seconds is None else full_clock(seconds)
