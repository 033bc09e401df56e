"""This machine as a node: its CPUs, memory and GPUs.

A node counts its CPUs from 0, core by core, so that hyperthreads of one core are neighbours; the kernel often
numbers them far apart (0 and 4, 1 and 5). `cpus_by_core` has the kernel's numbers in the node's order.
"""

import os
import re
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from launchyard.model.node import Node

CPUS = Path("/sys/devices/system/cpu")


def discover() -> Node:
    """CPUs that this process may use, memory as the kernel says, GPUs by their devices."""
    cpus = os.sched_getaffinity(0)
    return machine(
        host=socket.gethostname(),
        cores=cores(cpus, siblings(CPUS, cpus)),
        meminfo=Path("/proc/meminfo").read_text(),
        devices=[entry.name for entry in Path("/dev").iterdir()],
    )


def memory_of_machine_mib() -> int:
    return _memory_mib(Path("/proc/meminfo").read_text())


def cpus_by_core() -> tuple[int, ...]:
    """The kernel's numbers of the CPUs that this process may use, hyperthreads of a core side by side."""
    cpus = os.sched_getaffinity(0)
    return tuple(cpu for core in cores(cpus, siblings(CPUS, cpus)) for cpu in core)


def machine(*, host: str, cores: Sequence[Sequence[int]], meminfo: str, devices: list[str]) -> Node:
    """The node that these facts describe; cores are kept whole where all have as many usable CPUs."""
    threads = {len(core) for core in cores}
    return Node(
        name=host.split(".")[0] or "localhost",
        cpus=sum(len(core) for core in cores),
        memory_mib=_memory_mib(meminfo),
        gpus=sum(1 for name in devices if re.fullmatch(r"nvidia[0-9]+", name)),
        threads_per_core=threads.pop() if len(threads) == 1 else 1,
    )


def siblings(tree: Path, cpus: Collection[int]) -> dict[int, str]:
    """What the kernel lists beside each CPU on its core (`0,4` or `0-1`); nothing where it does not say."""
    found = {}
    for cpu in cpus:
        try:
            found[cpu] = (tree / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
        except OSError:
            continue
    return found


def cores(cpus: Collection[int], siblings: Mapping[int, str]) -> list[list[int]]:
    """The usable CPUs core by core, in the order of the lowest of each."""
    by_core: dict[int, list[int]] = {}
    for cpu in sorted(cpus):
        together = [one for one in _numbers(siblings.get(cpu, "")) if one in cpus]
        by_core.setdefault(min([cpu, *together]), []).append(cpu)
    return [by_core[first] for first in sorted(by_core)]


def virtual(nodes: Sequence[Node], real_cpus: int) -> tuple[Node, ...]:
    """Nodes declared on this machine: pinned to its CPUs only when they do not exceed it together.

    A CPU of theirs is one CPU of the machine, which may be a hyperthread: they have as many as was written.
    """
    pinned = sum(node.cpus for node in nodes) <= real_cpus
    return tuple(replace(node, pinned=pinned) for node in nodes)


def _numbers(text: str) -> list[int]:
    """`0-1,4` as the kernel writes lists of CPUs; what is no such list counts as none."""
    numbers: list[int] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            return []
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def _memory_mib(meminfo: str) -> int:
    for line in meminfo.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    raise ValueError("/proc/meminfo has no MemTotal")
