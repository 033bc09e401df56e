"""What a machine is as a node, from what its kernel says."""

from launchyard.engine.machine import discover, machine, virtual
from launchyard.model.node import Node

MEMINFO = "MemTotal:       24684092 kB\nMemFree:        24537768 kB\n"


def test_machine_is_described_by_its_cpus_memory_and_gpu_devices() -> None:
    devices = ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"]
    node = machine(host="lab7.example.org", cpus={0, 1, 2, 3}, meminfo=MEMINFO, devices=devices)
    assert node == Node(name="lab7", cpus=4, memory_mib=24105, gpus=2, pinned=True)


def test_part_of_a_machine_that_does_not_begin_at_its_first_cpu_is_not_pinned() -> None:
    assert not machine(host="h", cpus={2, 3}, meminfo=MEMINFO, devices=[]).pinned


def test_virtual_nodes_are_pinned_only_while_the_machine_has_their_cpus() -> None:
    nodes = [Node(name=name, cpus=2, memory_mib=100) for name in ("a", "b")]
    assert all(node.pinned for node in virtual(nodes, 4))
    assert not any(node.pinned for node in virtual(nodes, 3))


def test_this_machine_is_a_node_that_can_run_something() -> None:
    node = discover()
    assert node.cpus >= 1
    assert node.memory_mib >= 1
    assert "." not in node.name
