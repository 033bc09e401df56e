"""What `ly status` and `ly show` say of clusters."""

import pytest

from launchyard.cli.native.nodes import _table
from launchyard.cli.output.joblist import print_job
from launchyard.cli.output.server import print_status
from launchyard.sdk.records import Record

HERE = {"name": "local", "engine": "local", "nodes": 1, "cpus": 2, "memory_mib": 2048}
FAR = {
    "name": "big",
    "engine": "ray",
    "nodes": 3,
    "cpus": 12,
    "memory_mib": 49152,
    "single_identity": True,
    "cannot": {"steps": "it has none"},
    "stale_since": "2026-03-01T10:00:00Z",
}


def test_status_tells_of_clusters_where_there_is_more_than_this_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_status({"version": "1", "pid": 1, "state": "/x", "clusters": [HERE, FAR]})
    told = capsys.readouterr().out
    assert "Cluster local" in told
    assert "ray, 3 nodes, 12 CPUs, 48 GiB; does not answer since" in told
    assert "every job runs as one user; cannot: steps" in told


def test_status_of_one_machine_says_nothing_of_clusters(capsys: pytest.CaptureFixture[str]) -> None:
    print_status({"version": "1", "pid": 1, "state": "/x", "clusters": [HERE]})
    assert "Cluster" not in capsys.readouterr().out


def test_job_elsewhere_says_where_and_by_which_id_it_is_known_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = {"id": 7, "name": "fit", "state": "RUNNING", "cluster": "site", "engine_id": "4711"}
    print_job(job)
    assert "site, known there as 4711" in capsys.readouterr().out


def test_nodes_are_shown_with_their_cluster_where_they_are_of_several() -> None:
    here, far = Record({"name": "n1", "cluster": "local"}), Record({"name": "b1", "cluster": "big"})
    names, rows = _table([here, far])
    assert names[:2] == ["NODE", "CLUSTER"]
    assert [row[:2] for row in rows] == [["n1", "local"], ["b1", "big"]]
    names, rows = _table([here])
    assert names[:2] == ["NODE", "STATE"]
    assert rows[0][0] == "n1"
