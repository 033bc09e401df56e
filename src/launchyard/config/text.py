"""Rules written as TOML: what `read_rules` reads back. Only what differs from the default is written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from launchyard.model.account import IMPLICIT, QOS, Account, Association, Limits
from launchyard.model.memory import format_memory
from launchyard.model.partition import Partition
from launchyard.model.role import Role
from launchyard.model.rules import Members, Rules, SchedulerRules
from launchyard.model.walltime import format_walltime

Values = dict[str, Any]


def rules_text(rules: Rules) -> str:
    """The whole, a table for each thing."""
    return tables_text(rules_tables(rules))


def rules_tables(rules: Rules) -> dict[str, Any]:
    """The same as tables of plain values, as a TOML file has them."""
    return {
        "partitions": [_partition(one) for one in rules.partitions.values()],
        "qos": [_qos(one) for one in rules.qos.values()],
        "accounts": [_account(one) for one in rules.accounts.values()],
        "users": [_association(one) for one in rules.associations.values()],
        "scheduler": _scheduler(rules.scheduler),
        "roles": [_role(role, members) for role, members in rules.roles.items()],
    }


def tables_text(tables: Mapping[str, Any]) -> str:
    """Lists of tables and tables of plain values, as TOML; tables in tables in braces."""
    parts = []
    for name, value in tables.items():
        for one in value if isinstance(value, list) else [value] if value else []:
            head = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            parts.append("\n".join([head, *_lines(one)]) + "\n")
    return "\n".join(parts)


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(key)} = {_written(value)}" for key, value in values.items())


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _quoted(key)


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_lines(value)) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_written(one) for one in value) + "]"
    return repr(value) if isinstance(value, float) else _quoted(value)


def _quoted(value: Any) -> str:
    """As JSON, which TOML reads but for letters beyond 16 bits in two halves: they stay as they are."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _kept(values: Values, default: Values) -> Values:
    """What is not said is the default."""
    return {key: value for key, value in values.items() if value != default.get(key)}


def _partition(one: Partition) -> Values:
    values: Values = {
        "name": one.name,
        "cluster": one.cluster,
        "nodes": ",".join(one.nodes),
        "default": one.default,
        "tier": one.tier,
        "priority": one.priority,
        "state": one.state.value,
        "time_limit": format_walltime(one.time_limit_default_s),
        "time_limit_max": format_walltime(one.time_limit_max_s),
        "nodes_min": one.nodes_min,
        "nodes_max": one.nodes_max,
        "accounts": one.accounts,
        "denied_accounts": one.denied_accounts,
        "qos": one.qos,
        "denied_qos": one.denied_qos,
        "groups": one.groups,
        "default_qos": one.default_qos,
    }
    if one.name == "":
        return values
    return {"name": one.name, **_kept(values, _partition(Partition(name="")))}


def _qos(one: QOS) -> Values:
    values: Values = {
        "name": one.name,
        "tier": one.tier,
        "priority": one.priority,
        "limits": _limits(one.limits),
        "per_account": _limits(one.per_account),
        "per_user": _limits(one.per_user),
        "per_job": _limits(one.per_job),
        "preempts": one.preempts,
        "preempt_mode": one.preempt_mode.value,
        "grace": format_walltime(one.grace_s),
        "usage_factor": one.usage_factor,
        "ignores_partition_limits": one.ignores_partition_limits,
    }
    return values if one.name == "" else {"name": one.name, **_kept(values, _qos(QOS(name="")))}


def _account(one: Account) -> Values:
    values: Values = {
        "name": one.name,
        "parent": one.parent,
        "shares": "parent" if one.shares is None else one.shares,
        "everyone": one.everyone,
        "coordinators": one.coordinators,
        "limits": _limits(one.limits),
        "per_user": _limits(one.per_user),
        "per_job": _limits(one.per_job),
        "qos": one.qos,
        "default_qos": one.default_qos,
    }
    return values if one.name == "" else {"name": one.name, **_kept(values, _account(Account(name="")))}


def _association(one: Association) -> Values:
    values: Values = {
        "name": one.user,
        "account": None if one.account == IMPLICIT else one.account,
        "shares": one.shares,
        "default": one.default,
        "limits": _limits(one.limits),
        "per_job": _limits(one.per_job),
        "qos": one.qos,
        "default_qos": one.default_qos,
    }
    return (
        values if one.user == "" else {"name": one.user, **_kept(values, _association(Association(user="")))}
    )


def _role(role: Role, members: Members) -> Values:
    values: Values = {"users": members.users, "groups": members.groups}
    return {"name": role.value, **_kept(values, {"users": (), "groups": ()})}


def _limits(one: Limits) -> Values:
    values: Values = {
        "jobs": one.jobs,
        "waiting": one.waiting,
        "cpus": None if one.cpus_milli is None else one.cpus_milli / 1000,
        "memory": None if one.memory_mib is None else format_memory(one.memory_mib),
        "gpus": one.gpus,
        "nodes": one.nodes,
        "cpu_minutes": one.cpu_minutes,
        "gpu_minutes": one.gpu_minutes,
        "time_limit": None if one.time_limit_s is None else format_walltime(one.time_limit_s),
    }
    return _kept(values, {})


def _scheduler(one: SchedulerRules) -> Values:
    billing, weights = one.billing, one.weights
    return {
        "order": one.order.value,
        "depth": "all" if one.depth is None else one.depth,
        "bands": one.bands,
        "ageing_h": one.ageing_h,
        "half_life": format_walltime(None if one.half_life_s is None else round(one.half_life_s)),
        "billing": {
            "cpu": billing.cpu,
            "memory_gib": billing.memory_gib,
            "gpu": billing.gpu,
            "sum": billing.sum.value,
        },
        "weights": {
            "age": weights.age,
            "age_max": format_walltime(weights.age_max_s),
            "fairshare": weights.fairshare,
            "job_size": weights.job_size,
            "favor_small": weights.favor_small,
            "partition": weights.partition,
            "qos": weights.qos,
            "cpus": weights.cpus,
            "memory": weights.memory,
            "gpus": weights.gpus,
        },
    }
