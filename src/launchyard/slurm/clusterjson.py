"""Nodes, partitions, reservations and licences as Slurm's JSON has them (data_parser v0.0.40)."""

from collections.abc import Sequence

from launchyard.model.light import Any
from launchyard.slurm import nodefields
from launchyard.slurm.amounts import Units
from launchyard.slurm.nodes import (
    STATE,
    Row,
    State,
    counts_of_cpus,
    counts_of_nodes,
    cpus_used,
    folded,
    gres,
    gres_used,
    state_of,
)

NEEDS = {
    "nodes": f"{STATE} name reason reason_user reason_at memory_mib memory_used_mib memory_free_mib gpus "
    "gpu_type gpus_used gpu_ids_used features sockets cores threads arch os load booted_at served_since "
    "partitions host",
    "partitions": "name default state tier priority time_limit_s time_limit_max_s nodes_min nodes_max "
    "accounts denied_accounts qos denied_qos groups default_qos nodes cpus memory_mib gpus preempt_mode",
    "reservations": "name start end nodes users accounts maintenance",
    "licences": "name count used",
}
"""Columns of each table."""


def number(value: float | None, infinite: bool = False) -> dict[str, Any]:
    """Numbers that may be unknown, or without end."""
    return {"set": value is not None and not infinite, "infinite": infinite, "number": value or 0}


def limit(value: float | None) -> dict[str, Any]:
    """None is no limit."""
    return number(value, infinite=value is None)


def tres(cpus: int, memory_mib: int, nodes: int = 0, gpus: float = 0) -> str:
    """`cpu=4,mem=4000M,node=1,billing=4,gres/gpu=2`."""
    text = f"cpu={cpus},mem={Units().size(memory_mib, 'M')}"
    text += f",node={nodes}" if nodes else ""
    return f"{text},billing={cpus}" + (f",gres/gpu={gpus:g}" if gpus else "")


def used_tres(row: Row) -> str:
    """What jobs hold of a node; empty where there is none."""
    if not row["jobs"]:
        return ""
    gpus = f",gres/gpu={row['gpus_used']:g}" if row["gpus_used"] else ""
    return f"cpu={cpus_used(row)},mem={Units().size(row['memory_used_mib'], 'M')}{gpus}"


def node(row: Row, version: str, cluster: str) -> dict[str, Any]:
    state, used = state_of(row), cpus_used(row)
    return {
        "architecture": row["arch"],
        "burstbuffer_network_address": "",
        "boards": 1,
        "boot_time": number(row["booted_at"]),
        "cluster_name": cluster,
        "cores": row["cores"],
        "specialized_cores": 0,
        "cpu_binding": 0,
        "cpu_load": round(100 * (row["load"] or 0)),
        "free_mem": number(row["memory_free_mib"]),
        "cpus": row["cpus"],
        "effective_cpus": row["cpus"],
        "specialized_cpus": "",
        "energy": _ENERGY,
        "external_sensors": {},
        "extra": "",
        "power": {},
        "features": row["features"],
        "active_features": row["features"],
        "gres": gres(row),
        "gres_drained": "N/A",
        "gres_used": gres_used(row) if row["gpus"] else "",
        "instance_id": "",
        "instance_type": "",
        "last_busy": number(None if row["served_since"] is None else int(row["served_since"])),
        "mcs_label": "",
        "specialized_memory": 0,
        "name": row["name"],
        "next_state_after_reboot": ["INVALID"],
        "address": row["name"],
        "hostname": row["name"],
        "state": [state.base, *state.flags],
        "operating_system": row["os"],
        "owner": "",
        "partitions": row["partitions"],
        "port": 6818,
        "real_memory": row["memory_mib"],
        "comment": "",
        "reason": row["reason"] or "",
        "reason_changed_at": number(int(row["reason_at"] or 0) if row["reason"] else 0),
        "reason_set_by_user": (row["reason_user"] or "root") if row["reason"] else "",
        "resume_after": number(None),
        "reservation": row["reservation"] or "",
        "alloc_memory": row["memory_used_mib"],
        "alloc_cpus": used,
        "alloc_idle_cpus": row["cpus"] - used,
        "tres_used": used_tres(row),
        "tres_weighted": float(used),
        "slurmd_start_time": number(None if row["served_since"] is None else int(row["served_since"])),
        "sockets": row["sockets"],
        "threads": row["threads"],
        "temporary_disk": 0,
        "weight": 1,
        "tres": tres(row["cpus"], row["memory_mib"], gpus=row["gpus"]),
        "version": version,
    }


_ENERGY = {
    "average_watts": 0,
    "base_consumed_energy": 0,
    "consumed_energy": 0,
    "current_watts": number(0),
    "previous_consumed_energy": 0,
    "last_collected": 0,
}


def partition(row: Row, cluster: str) -> dict[str, Any]:
    return {
        "nodes": {"allowed_allocation": "", "configured": folded(row["nodes"]), "total": len(row["nodes"])},
        "accounts": {"allowed": ",".join(row["accounts"]), "deny": ",".join(row["denied_accounts"])},
        "groups": {"allowed": ",".join(row["groups"])},
        "qos": {
            "allowed": ",".join(row["qos"]),
            "deny": ",".join(row["denied_qos"]),
            "assigned": row["default_qos"] or "",
        },
        "alternate": "",
        "tres": {
            "billing_weights": "",
            "configured": tres(row["cpus"], row["memory_mib"], len(row["nodes"]), row["gpus"]),
        },
        "cluster": cluster,
        "cpus": {"task_binding": 0, "total": row["cpus"]},
        "defaults": {
            "memory_per_cpu": 0,
            "partition_memory_per_cpu": number(None),
            "partition_memory_per_node": number(None),
            "time": limit(None if row["time_limit_s"] is None else row["time_limit_s"] // 60),
            "job": "",
        },
        "grace_time": 0,
        "maximums": {
            "cpus_per_node": limit(None),
            "cpus_per_socket": limit(None),
            "memory_per_cpu": 0,
            "partition_memory_per_cpu": number(None),
            "partition_memory_per_node": number(None),
            "nodes": limit(row["nodes_max"]),
            "shares": 1,
            "time": limit(None if row["time_limit_max_s"] is None else row["time_limit_max_s"] // 60),
            "over_time_limit": number(None),
            "oversubscribe": {"jobs": 1, "flags": []},
        },
        "minimums": {"nodes": row["nodes_min"]},
        "name": row["name"],
        "node_sets": "",
        "priority": {"job_factor": row["priority"], "tier": row["tier"]},
        "timeouts": {"resume": number(None), "suspend": number(None)},
        "partition": {"state": [row["state"].upper()]},
        "suspend_time": number(None),
    }


def reservation(row: Row, cores: int) -> dict[str, Any]:
    """`cores` are those of its nodes."""
    return {
        "accounts": ",".join(row["accounts"]),
        "burst_buffer": "",
        "core_count": cores,
        "core_specializations": [],
        "end_time": number(int(row["end"])),
        "features": "",
        "flags": [*(["MAINT"] if row["maintenance"] else []), "SPEC_NODES"],
        "groups": "",
        "licenses": "",
        "max_start_delay": 0,
        "name": row["name"],
        "node_count": len(row["nodes"]),
        "node_list": folded(row["nodes"]),
        "partition": "",
        "purge_completed": {"time": number(None)},
        "start_time": number(int(row["start"])),
        "watts": number(None),
        "tres": f"cpu={cores}",
        "users": ",".join(row["users"]) or ("root" if row["maintenance"] else ""),
    }


def licence(row: Row) -> dict[str, Any]:
    return {
        "LicenseName": row["name"],
        "Total": row["count"],
        "Used": row["used"],
        "Free": row["count"] - row["used"],
        "Remote": False,
        "Reserved": 0,
        "LastConsumed": 0,
        "LastDeficit": 0,
        "LastUpdate": 0,
    }


# -- sinfo


def groups(nodes: Sequence[Row], partitions: Sequence[Row], cluster: str) -> list[dict[str, Any]]:
    """Nodes of one partition and state together, as the command shows them with all fields."""
    names = ["partition", "statelong", "features", "gres", "gresused", "reason", "reservation"]
    known = {row["name"]: row for row in nodes}
    found = nodefields.groups(names, partitions, known, exact=True, empty=True)
    return [_group(group.partition, group.nodes, group.states, cluster) for group in found]


def _group(part: Row, rows: Sequence[Row], states: Sequence[State], cluster: str) -> dict[str, Any]:
    cpus, among = counts_of_cpus(rows), counts_of_nodes(states)
    names = [row["name"] for row in rows]
    first: Row = rows[0] if rows else _NOTHING
    return {
        "port": 6818,
        "node": {"state": [states[0].base, *states[0].flags] if states else []},
        "nodes": {
            "allocated": among.allocated,
            "idle": among.idle,
            "other": among.other,
            "total": len(rows),
            "hostnames": names,
            "addresses": names,
            "nodes": names,
        },
        "cpus": {
            "allocated": cpus.allocated,
            "idle": cpus.idle,
            "other": cpus.other,
            "total": sum(cpus),
            "minimum": _least(rows, "cpus"),
            "maximum": _most(rows, "cpus"),
            "load": {
                "minimum": number(round(100 * _least(rows, "load"))),
                "maximum": number(round(100 * _most(rows, "load"))),
            },
            "per_node": {"max": limit(None)},
        },
        "sockets": _bounds(rows, "sockets"),
        "cores": _bounds(rows, "cores"),
        "threads": _bounds(rows, "threads"),
        "disk": {"minimum": 0, "maximum": 0},
        "memory": {
            **_bounds(rows, "memory_mib"),
            "free": {
                "minimum": number(_least(rows, "memory_free_mib")),
                "maximum": number(_most(rows, "memory_free_mib")),
            },
            "allocated": sum(row["memory_used_mib"] for row in rows),
        },
        "weight": {"minimum": 1, "maximum": 1},
        "features": {"total": ",".join(first["features"]), "active": ",".join(first["features"])},
        "gres": {"total": gres(first), "used": gres_used(first) if first["gpus"] else ""},
        "cluster": cluster,
        "comment": "",
        "extra": "",
        "reason": {
            "description": first["reason"] or "",
            "time": number(int(first["reason_at"] or 0) if first["reason"] else 0),
            "user": (first["reason_user"] or "root") if first["reason"] else "",
        },
        "reservation": first["reservation"] or "",
        "partition": partition(part, cluster),
    }


_NOTHING: Row = {
    **dict.fromkeys(("reason", "reason_at", "reason_user", "reservation", "gpu_type")),
    **{"features": [], "gpus": 0, "gpus_used": 0, "gpu_ids_used": []},
}


def _bounds(rows: Sequence[Row], column: str) -> dict[str, Any]:
    return {"minimum": _least(rows, column), "maximum": _most(rows, column)}


def _least(rows: Sequence[Row], column: str) -> Any:
    return min((row[column] or 0 for row in rows), default=0)


def _most(rows: Sequence[Row], column: str) -> Any:
    return max((row[column] or 0 for row in rows), default=0)
