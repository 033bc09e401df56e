"""Rules on several clusters: which partition has which nodes, and where a job goes."""

import pytest

from launchyard.model.errors import Infeasible
from launchyard.model.partition import Partition, PartitionState
from launchyard.model.rules import Rules
from launchyard.policy.clusters import NOWHERE, Ground, chosen, in_force

HERE = Ground(name="local", nodes=("n1", "n2"))
BIG = Ground(name="big", nodes=("b1", "b2", "b3"))


def test_on_one_cluster_a_partition_that_names_no_nodes_goes_on_having_all_there_are() -> None:
    (main,) = in_force(Rules(), [HERE]).partitions.values()
    assert (main.name, main.nodes, main.cluster) == ("main", (), "local")


def test_on_one_cluster_of_another_name_the_partitions_are_its_own() -> None:
    (main,) = in_force(Rules(), [BIG]).partitions.values()
    assert (main.name, main.cluster, main.default) == ("main", "big", True)


def test_each_cluster_without_a_partition_gets_one_with_all_its_nodes() -> None:
    found = in_force(Rules(), [HERE, BIG]).partitions
    assert {one.name: (one.cluster, one.nodes, one.default) for one in found.values()} == {
        "main": ("local", ("n1", "n2"), True),
        "big": ("big", ("b1", "b2", "b3"), True),
    }


def test_partition_has_only_nodes_of_its_own_cluster() -> None:
    wide = Partition(name="wide", cluster="big", nodes=("b1", "n1", "gone"))
    found = in_force(Rules(partitions={"wide": wide}), [HERE, BIG]).partitions
    assert found["wide"].nodes == ("b1",)


def test_partition_of_a_cluster_without_nodes_has_none_rather_than_all() -> None:
    found = in_force(Rules(), [HERE, Ground(name="big")]).partitions
    assert found["big"].nodes == (NOWHERE,)


def test_partitions_of_the_engine_are_there_unless_the_name_is_taken() -> None:
    slurm = Ground(
        name="site",
        nodes=("s1",),
        partitions=(Partition(name="debug", nodes=("s1",)), Partition(name="main", nodes=("s1",))),
    )
    found = in_force(Rules(), [HERE, slurm]).partitions
    assert (found["debug"].cluster, found["debug"].nodes, found["debug"].default) == ("site", ("s1",), True)
    assert found["main"].cluster == "local"


def test_partition_of_a_cluster_that_is_not_configured_any_more_is_closed() -> None:
    old = Partition(name="old", cluster="gone", default=True)
    found = in_force(Rules(partitions={"old": old}), [HERE, BIG]).partitions
    assert (found["old"].state, found["old"].nodes) == (PartitionState.INACTIVE, (NOWHERE,))


PARTITIONS = in_force(Rules(), [HERE, BIG]).partitions
NAMES = ("local", "big")


def test_job_goes_to_the_default_cluster_to_the_one_it_names_or_to_that_of_its_partition() -> None:
    asked = [(None, None), (None, "big"), ("big", None), ("big", "big")]
    assert [chosen(PARTITIONS, *one, NAMES).name for one in asked] == ["main", "big", "big", "big"]


@pytest.mark.parametrize(
    ("partition", "cluster", "sentence"),
    [
        (None, "bog", 'there is no cluster "bog"; there are: local, big'),
        ("bog", None, "there is no partition 'bog'; there are: main, big"),
        ("main", "big", "partition main is on cluster local, not on big; leave one of them out"),
    ],
)
def test_what_is_not_there_is_refused(partition: str | None, cluster: str | None, sentence: str) -> None:
    with pytest.raises(Infeasible, match=sentence):
        chosen(PARTITIONS, partition, cluster, NAMES)
