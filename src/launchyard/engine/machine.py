"""This machine as a node: its CPUs, memory and GPUs."""

import os
import re
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from launchyard.model.node import Node


def discover() -> Node:
    """CPUs that this process may use, memory as the kernel says, GPUs by their devices."""
    return machine(
        host=socket.gethostname(),
        cpus=os.sched_getaffinity(0),
        meminfo=Path("/proc/meminfo").read_text(),
        devices=[entry.name for entry in Path("/dev").iterdir()],
    )


def machine(*, host: str, cpus: set[int], meminfo: str, devices: list[str]) -> Node:
    """The node that these facts describe. CPU ids are those of the machine only when they begin at 0."""
    whole = cpus == set(range(len(cpus)))
    return Node(
        name=host.split(".")[0] or "localhost",
        cpus=len(cpus),
        memory_mib=_memory_mib(meminfo),
        gpus=sum(1 for name in devices if re.fullmatch(r"nvidia[0-9]+", name)),
        pinned=whole,
    )


def virtual(nodes: Sequence[Node], real_cpus: int) -> tuple[Node, ...]:
    """Nodes declared on this machine: pinned to its CPUs only when they do not exceed it together."""
    pinned = sum(node.cpus for node in nodes) <= real_cpus
    return tuple(replace(node, pinned=pinned) for node in nodes)


def _memory_mib(meminfo: str) -> int:
    for line in meminfo.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    raise ValueError("/proc/meminfo has no MemTotal")
