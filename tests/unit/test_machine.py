"""What a machine is as a node, from what its kernel says."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from launchyard.engine.machine import cores, cpus_by_core, discover, machine, siblings, virtual
from launchyard.model.node import Node

MEMINFO = "MemTotal:       24684092 kB\nMemFree:        24537768 kB\n"


def tree(root: Path, lists: Mapping[int, str]) -> Path:
    """A `/sys/devices/system/cpu` with these lists."""
    for cpu, text in lists.items():
        topology = root / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(text + "\n")
    return root


def test_machine_is_described_by_its_cpus_memory_and_gpu_devices() -> None:
    devices = ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"]
    node = machine(host="lab7.example.org", cores=[[0], [1], [2], [3]], meminfo=MEMINFO, devices=devices)
    assert node == Node(name="lab7", cpus=4, memory_mib=24105, gpus=2, pinned=True)


@pytest.mark.parametrize(
    ("lists", "usable", "expected", "threads"),
    [
        ({0: "0", 1: "1"}, {0, 1}, [[0], [1]], 1),
        ({0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"}, {0, 1, 2, 3}, [[0, 1], [2, 3]], 2),
        ({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}, {0, 1, 2, 3}, [[0, 2], [1, 3]], 2),
        ({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}, {1, 2, 3}, [[1, 3], [2]], 1),
        ({4: "4,6", 6: "4,6"}, {4, 6}, [[4, 6]], 2),
        ({0: "0-3", 1: "0-3", 2: "0-3", 3: "0-3"}, {0, 1, 2, 3}, [[0, 1, 2, 3]], 4),
        ({}, {0, 1}, [[0], [1]], 1),
        ({0: "what?", 1: ""}, {0, 1}, [[0], [1]], 1),
    ],
)
def test_hyperthreads_of_a_core_are_neighbours_whatever_the_kernel_calls_them(
    tmp_path: Path, lists: dict[int, str], usable: set[int], expected: list[list[int]], threads: int
) -> None:
    found = cores(usable, siblings(tree(tmp_path, lists), usable))
    assert found == expected
    node = machine(host="h", cores=found, meminfo=MEMINFO, devices=[])
    assert (node.cpus, node.threads_per_core) == (len(usable), threads)


def test_every_usable_cpu_of_this_machine_has_one_place() -> None:
    assert len(set(cpus_by_core())) == len(cpus_by_core()) == discover().cpus


def test_virtual_nodes_are_pinned_only_while_the_machine_has_their_cpus() -> None:
    nodes = [Node(name=name, cpus=2, memory_mib=100) for name in ("a", "b")]
    assert all(node.pinned for node in virtual(nodes, 4))
    assert not any(node.pinned for node in virtual(nodes, 3))


def test_this_machine_is_a_node_that_can_run_something() -> None:
    node = discover()
    assert node.cpus >= 1
    assert node.memory_mib >= 1
    assert "." not in node.name
