"""Clusters in the configuration: what is read, and what is refused with its line."""

import pytest

from launchyard.config import check
from launchyard.config.clusters import asked_at_start
from launchyard.model.cluster import EngineKind
from launchyard.model.errors import Invalid

TWO = """
[[clusters]]
name = "local"
engine = "local"

[[clusters]]
name = "big"
engine = "ray"
address = "10.0.0.1:6379"
default = true

[[partitions]]
name = "wide"

[[partitions]]
name = "desk"
cluster = "local"
"""


def test_no_table_means_this_machine_alone() -> None:
    assert check("", "file").clusters == ()


def test_clusters_are_read_with_what_their_engines_need() -> None:
    local, big = check(TWO, "file").clusters
    assert (local.name, local.engine, local.default) == ("local", EngineKind.LOCAL, False)
    assert (big.name, big.engine, big.default, big.address) == ("big", EngineKind.RAY, True, "10.0.0.1:6379")


def test_partitions_belong_to_the_cluster_they_name_or_to_the_default_one_and_each_has_its_default() -> None:
    partitions = check(TWO, "file").rules.partitions
    assert {one.name: (one.cluster, one.default) for one in partitions.values()} == {
        "wide": ("big", True),
        "desk": ("local", True),
    }


def test_first_cluster_is_the_default_where_none_is_marked() -> None:
    text = '[[clusters]]\nname = "local"\nengine = "local"\n[[clusters]]\nname = "b"\nengine = "slurm"\n'
    assert [one.default for one in check(text, "file").clusters] == [True, False]


def test_nodes_of_partitions_elsewhere_are_not_looked_for_among_those_of_this_machine() -> None:
    text = '[[nodes]]\nname = "n1"\ncpus = 1\nmemory = "1GiB"\n' + TWO.replace(
        'name = "wide"', 'name = "wide"\nnodes = "far[1-2]"'
    )
    assert check(text, "file").rules.partitions["wide"].nodes == ("far1", "far2")


RAY = '[[clusters]]\nname = "r"\nengine = "ray"\n'
WRONG = {
    '[[clusters]]\nname = "r"\n': "file, line 2: a table of .*clusters.* needs engine",
    '[[clusters]]\nname = "r"\nengine = "condor"\n': "file, line 3: .*not one of local, ray, slurm",
    RAY: "file, line 3: a cluster of Ray needs address",
    RAY + 'address = "10.0.0.1:6379"\nstart = true\n': "file, line 3: a cluster of Ray needs address",
    RAY + 'address = "head"\n': "file, line 4: .*such as 10.0.0.1:6379",
    RAY + 'address = "h:1"\nbin = "/usr/bin"\n': "file, line 5: a cluster of engine ray has no bin",
    RAY + 'address = "h:1"\npython = "python3"\n': "file, line 5: .*begin with /",
    RAY + 'address = "h:1"\npoll = 3\n': "file, line 5: there is no key poll; did you mean poll_s",
    RAY + 'address = "h:1"\n' + RAY + 'address = "h:1"\n': "file, line 6: two clusters have the name r",
    '[[clusters]]\nname = "a"\nengine = "local"\n': "file, line 2: the cluster of this machine is",
    '[[clusters]]\nname = "local"\nengine = "slurm"\n': "file, line 2: the cluster of this machine is called",
    '[[clusters]]\nname = "s"\nengine = "slurm"\npoll_s = 0.2\n': "file, line 4: .*not between 1 and 60",
    TWO + '[[partitions]]\nname = "x"\ncluster = "bug"\n': "there is no cluster bug; did you mean big",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(Invalid, match=WRONG[text]):
        check(text, "file")


def test_engine_asked_for_at_start_is_one_cluster_of_that_name() -> None:
    (ray,) = asked_at_start("ray")
    assert (ray.name, ray.engine, ray.default, ray.start) == ("ray", EngineKind.RAY, True, True)
    with pytest.raises(Invalid, match="there is no engine rey; there are: local, ray, slurm"):
        asked_at_start("rey")


SITE = '[[clusters]]\nname = "site"\nengine = "slurm"\n'


@pytest.mark.parametrize("rest", ["http://127.0.0.1:6820", "https://slurm:6820", "unix:/run/slurmrestd.sock"])
def test_slurmrestd_is_named_by_its_address_and_the_file_of_its_token(rest: str) -> None:
    (site,) = check(f'{SITE}rest = "{rest}"\nrest_token = "/etc/launchyard/token"\n', "file").clusters
    assert (site.rest, site.rest_token) == (rest, "/etc/launchyard/token")


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("http://slurm:6820", "would send the token over the network as it is"),
        ("http://root:secret@127.0.0.1:6820", "is no address of slurmrestd"),
        ("127.0.0.1:6820", "is no address of slurmrestd"),
        ("http://127.0.0.1:x", "is no address of slurmrestd"),
        ("", "rest and rest_token go together"),
    ],
)
def test_address_of_slurmrestd_that_would_not_do_is_refused(rest: str, why: str) -> None:
    text = f'rest = "{rest}"\n' if rest else ""
    with pytest.raises(Invalid, match=why):
        check(f'{SITE}{text}rest_token = "/etc/launchyard/token"\n', "file")
