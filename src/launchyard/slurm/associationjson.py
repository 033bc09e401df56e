"""Accounts, users, QOS and associations as JSON, in the shapes of the data parser v0.0.40. Pure."""

from collections.abc import Callable, Mapping, Sequence

from launchyard.model.light import Any
from launchyard.model.walltime import parse_walltime
from launchyard.slurm import associations as of
from launchyard.slurm.associations import Row, Site

UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}
"""What memory is counted in; without a letter it is MiB."""


def answer(kind: str, site: Site, rows: Sequence[Row]) -> dict[str, Any] | None:
    """The list under its name; None of what has no JSON. `rows` are those that were asked for."""
    if kind not in LISTS:
        return None
    key, make = LISTS[kind]
    known = of.associations(site)
    return {key: [make(row, known) for row in rows]}


def _user(row: Row, known: Sequence[Row]) -> dict[str, Any]:
    return {
        "administrator_level": [row["admin"]],
        "associations": [_short(one) for one in known if one["user"] == row["user"]],
        "coordinators": [],
        "default": {"account": row["defaultaccount"], "wckey": ""},
        "flags": [],
        "name": row["user"],
        "old_name": "",
        "wckeys": [],
    }


def _account(row: Row, known: Sequence[Row]) -> dict[str, Any]:
    return {
        "associations": [_short(one) for one in known if one["account"] == row["account"]],
        "coordinators": [],
        "description": row["description"],
        "name": row["account"],
        "organization": row["organization"],
        "flags": [],
    }


def _short(row: Row) -> dict[str, Any]:
    return {
        "account": row["account"],
        "cluster": row["cluster"],
        "partition": "",
        "user": row["user"],
        "id": 0,
    }


def _association(row: Row, known: Sequence[Row]) -> dict[str, Any]:
    return {
        **_short(row),
        "comment": "",
        "default": {"qos": row["defaultqos"]},
        "flags": [],
        "id": _short(row),
        "is_default": False,
        "max": {
            "jobs": {
                "per": {
                    "count": _number(row["grpjobs"]),
                    "accruing": _number(""),
                    "submitted": _number(row["grpsubmit"]),
                    "wall_clock": _minutes(row["maxwall"]),
                },
                "active": _number(row["maxjobs"]),
                "accruing": _number(""),
                "total": _number(row["maxsubmit"]),
            },
            "tres": {
                "total": _tres(row["grptres"]),
                "group": {"minutes": _tres(row["grptresmins"]), "active": []},
                "minutes": {"total": _tres(row["grptresmins"]), "per": {"job": _tres(row["maxtresmins"])}},
                "per": {"job": _tres(row["maxtres"]), "node": []},
            },
            "per": {"account": {"wall_clock": _number("")}},
        },
        "min": {"priority_threshold": _number("")},
        "parent_account": row.get("parentname", ""),
        "priority": _number(""),
        "qos": row["qos"].split(",") if row["qos"] else [],
        "shares_raw": int(row["share"]),
    }


def _qos(row: Row, known: Sequence[Row]) -> dict[str, Any]:
    return {
        "description": row["name"],
        "flags": row["flags"].split(",") if row["flags"] else [],
        "id": 0,
        "limits": {"grace_time": _seconds(row["gracetime"]), "max": _most(row), "factor": _number("")},
        "name": row["name"],
        "preempt": {
            "list": row["preempt"].split(",") if row["preempt"] else [],
            "mode": ["DISABLED" if row["preemptmode"] == "cluster" else row["preemptmode"].upper()],
            "exempt_time": _number(""),
        },
        "priority": _number(row["priority"]),
        "usage_factor": _number(row["usagefactor"]),
        "usage_threshold": _number(""),
    }


def _most(row: Row) -> dict[str, Any]:
    return {
        "active_jobs": {"accruing": _number(""), "count": _number(row["grpjobs"])},
        "jobs": {
            "count": _number(row["grpsubmit"]),
            "active_jobs": {
                "per": {"account": _number(row["maxjobspa"]), "user": _number(row["maxjobspu"])},
            },
            "per": {"account": _number(row["maxsubmitpa"]), "user": _number(row["maxsubmitpu"])},
        },
        "tres": {
            "total": _tres(row["grptres"]),
            "minutes": {"total": _tres(row["grptresmins"]), "per": {"job": _tres(row["maxtresmins"])}},
            "per": {
                "account": _tres(row["maxtrespa"]),
                "job": _tres(row["maxtres"]),
                "user": _tres(row["maxtrespu"]),
            },
        },
        "wall_clock": {"per": {"qos": _number(""), "job": _minutes(row["maxwall"])}},
    }


def _cluster(row: Row, known: Sequence[Row]) -> dict[str, Any]:
    return {
        "controller": {"host": row["controlhost"], "port": int(row["controlport"])},
        "flags": [],
        "name": row["cluster"],
        "nodes": "",
        "select_plugin": "",
        "associations": {"root": _short(known[1])},
        "rpc_version": int(row["rpc"]),
        "tres": [],
    }


def _resource(row: Row, known: Sequence[Row]) -> dict[str, Any]:
    return {"type": row["type"], "name": row["tresname"], "id": int(row["id"]), "count": 0}


LISTS: Mapping[str, tuple[str, Callable[[Row, Sequence[Row]], dict[str, Any]]]] = {
    "account": ("accounts", _account),
    "association": ("associations", _association),
    "cluster": ("clusters", _cluster),
    "qos": ("QOS", _qos),
    "tres": ("TRES", _resource),
    "user": ("users", _user),
}
"""The name of each list, and what makes one of it."""


def _number(text: str) -> dict[str, Any]:
    """Nothing is no bound."""
    if not text:
        return {"set": False, "infinite": True, "number": 0}
    number = float(text)
    return {
        "set": True,
        "infinite": False,
        "number": int(number) if number.is_integer() and "." not in text else number,
    }


def _seconds(clock: str) -> int:
    return int(parse_walltime(clock) or 0) if clock.strip("0:") else 0


def _minutes(clock: str) -> dict[str, Any]:
    return _number(str(_seconds(clock) // 60) if clock else "")


def _tres(text: str) -> list[dict[str, Any]]:
    """A list of `cpu=8,mem=8G`."""
    ids = {(kind, name): id for kind, name, id in of.TRES_KNOWN}
    found = []
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        kind, _, which = name.partition("/")
        count = float(value.rstrip("KMGT")) * (UNITS.get(value[-1:], 1) if kind == "mem" else 1)
        found.append({"type": kind, "name": which, "id": ids.get((kind, which), 0), "count": int(count)})
    return found
