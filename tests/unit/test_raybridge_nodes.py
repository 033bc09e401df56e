"""What Ray says of its nodes, in our words: safe names, the one of several that lives, what is held."""

from typing import Any

import pytest

from launchyard.agent import place
from launchyard.raybridge.nodes import bundle, facts_of, name_of, of_ray

MIB = 1 << 20


def told(**more: Any) -> dict[str, Any]:
    """An entry of `ray.nodes()`."""
    resources = {"CPU": 4.0, "memory": 2048.0 * MIB, "GPU": 2.0, "accelerator_type:A100": 1.0}
    return {
        "NodeID": "a1",
        "NodeManagerAddress": "10.0.0.2",
        "NodeName": "10.0.0.2",
        "Alive": True,
        "Resources": resources,
        "Labels": {"zone": "a"},
        **more,
    }


def test_node_is_told_of_with_what_ray_counts() -> None:
    assert facts_of(told()) == {
        "id": "a1",
        "name": "ip-10-0-0-2",
        "address": "10.0.0.2",
        "alive": True,
        "cpus": 4,
        "memory_mib": 2048,
        "gpus": 2,
        "gpu_type": "a100",
        "labels": {"zone": "a"},
        "why": "",
    }


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("", "ip-10-0-0-2"),
        ("10.0.0.2", "ip-10-0-0-2"),
        ("n1", "n1"),
        ("rack 1/n.1", "rack-1-n-1"),
        ("../../etc", "etc"),
        ("-w", "w"),
        ("n1; rm -rf ~", "n1-rm--rf"),
        ("$(id)\n`id`", "id-id"),
        ("..", "ip-10-0-0-2"),
    ],
)
def test_name_that_somebody_gave_a_node_is_a_plain_word(given: str, name: str, tmp_path: Any) -> None:
    """Threat 27: it goes into options, into paths and onto screens."""
    assert name_of(told(NodeName=given)) == name
    made = place.directory(str(tmp_path / "nodes"), "y", name)
    assert made == f"{tmp_path}/nodes/y-{name}"


@pytest.mark.parametrize("order", [1, -1])
def test_of_nodes_with_one_name_it_is_the_one_that_lives(order: int) -> None:
    """Each time that a node comes back Ray has one more of it."""
    dead, alive = told(NodeID="old", Alive=False), told(NodeID="new")
    assert [one["id"] for one in of_ray([dead, alive][::order])] == ["new"]


def test_what_a_job_holds_is_kept_on_its_node() -> None:
    share = {"cpus": 1.5, "gpus": 0, "memory_mib": 100}
    assert bundle(share, "10.0.0.2") == {"CPU": 1.5, "memory": 100.0 * MIB, "node:10.0.0.2": 0.001}
    assert bundle({"gpus": 1}, "") == {"GPU": 1}
