"""What Ray says of its nodes, in our words. Pure."""

from __future__ import annotations

import re
from typing import Any

MIB = 1 << 20


def facts_of(node: dict[str, Any]) -> dict[str, Any]:
    """One entry of `ray.nodes()`."""
    resources = node.get("Resources") or {}
    return {
        "id": node["NodeID"],
        "name": name_of(node),
        "address": node.get("NodeManagerAddress", ""),
        "alive": bool(node.get("Alive", node.get("alive", False))),
        "cpus": int(resources.get("CPU", 0)),
        "memory_mib": int(resources.get("memory", 0)) // MIB,
        "gpus": int(resources.get("GPU", 0)),
        "gpu_type": _gpu_type(resources),
        "labels": dict(node.get("Labels") or {}),
        "why": str(node.get("DeathReasonMessage") or ""),
    }


def name_of(node: dict[str, Any]) -> str:
    """The name that was given to `ray start --node-name`; without one it is made from the address, by which
    alone a node of Ray is the same when it comes back."""
    address = str(node.get("NodeManagerAddress", ""))
    given = str(node.get("NodeName") or "")
    named = "" if given == address else _plain(given)
    return named or f"ip-{_plain(address)}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-")


def of_ray(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a name: of those that were there under one name, the one that lives."""
    found: dict[str, dict[str, Any]] = {}
    for one in map(facts_of, nodes):
        if one["alive"] or not found.get(one["name"], {}).get("alive"):
            found[one["name"]] = one
    return [found[name] for name in sorted(found)]


def _gpu_type(resources: dict[str, Any]) -> str:
    """Ray has a resource `accelerator_type:A100` beside the number."""
    for name in sorted(resources):
        kind, _, which = name.partition(":")
        if kind == "accelerator_type" and which:
            return which.lower()
    return ""


def bundle(share: dict[str, Any], address: str) -> dict[str, float]:
    """What an allocation holds of a node, as Ray counts; the last one keeps it on that node."""
    wanted = {
        "CPU": share.get("cpus", 0.0),
        "GPU": share.get("gpus", 0.0),
        "memory": float(share.get("memory_mib", 0) * MIB),
        f"node:{address}" if address else "": 0.001,
    }
    return {name: amount for name, amount in wanted.items() if name and amount}
