"""The clusters under this daemon, from the tables `[[clusters]]`."""

from dataclasses import replace

from launchyard.config import words
from launchyard.config.table import Table
from launchyard.model.cluster import LOCAL, ClusterSettings, EngineKind
from launchyard.model.errors import Invalid

KNOWS = {
    EngineKind.LOCAL: (),
    EngineKind.RAY: ("address", "start", "python", "listen", "single_identity"),
    EngineKind.SLURM: ("bin", "conf", "poll_s", "rest", "rest_token"),
}
"""Which keys an engine reads, beside those that each cluster has."""


def clusters_of(table: Table) -> tuple[ClusterSettings, ...]:
    """All of them, one the default; none where nobody names one. Raises `Invalid` with the line."""
    found: dict[str, ClusterSettings] = {}
    for one in table.tables("clusters"):
        one.need("name", "engine")
        cluster = _cluster(one)
        if cluster.name in found:
            one.refuse("name", f"two clusters have the name {cluster.name}; give each its own")
        if (cluster.engine is EngineKind.LOCAL) is not (cluster.name == LOCAL):
            # Jobs from before there were others are of that name, and stay with it.
            one.refuse("name", f"the cluster of this machine is called {LOCAL}, and no other is")
        if cluster.default and any(other.default for other in found.values()):
            one.refuse("default", f"cluster {cluster.name} is a second default; set it on one cluster only")
        found[cluster.name] = cluster
    return with_default(tuple(found.values()))


def with_default(clusters: tuple[ClusterSettings, ...]) -> tuple[ClusterSettings, ...]:
    """The first is the default where none is marked."""
    if not clusters or any(one.default for one in clusters):
        return clusters
    return (replace(clusters[0], default=True), *clusters[1:])


def asked_at_start(engine: str) -> tuple[ClusterSettings, ...]:
    """What `ly up --engine` stands for: one cluster, with nothing to set. Raises `Invalid`."""
    try:
        kind = EngineKind(engine)
    except ValueError:
        there = ", ".join(one.value for one in EngineKind)
        raise Invalid(f"there is no engine {engine}; there are: {there}") from None
    return (ClusterSettings(name=kind.value, engine=kind, default=True, start=kind is EngineKind.RAY),)


def _cluster(table: Table) -> ClusterSettings:
    engine = table.one_of("engine", EngineKind.LOCAL)
    for key in sorted({key for keys in KNOWS.values() for key in keys} - set(KNOWS[engine])):
        if key in table:
            table.refuse(key, f"a cluster of engine {engine.value} has no {key}; leave it out")
    cluster = ClusterSettings(
        name=table.read("name", words.word, ""),
        engine=engine,
        default=table.get("default", bool, False),
        address=table.read("address", words.cluster_address, ""),
        start=table.get("start", bool, False),
        python=table.read("python", words.absolute, ""),
        bin=table.read("bin", words.absolute, ""),
        conf=table.read("conf", words.absolute, ""),
        rest=table.read("rest", words.rest_address, ""),
        rest_token=table.read("rest_token", words.absolute, ""),
        listen=table.read("listen", words.listen_for_nodes, ""),
        single_identity=table.get("single_identity", bool, False),
        poll_s=table.number("poll_s", 1.0, 1.0, 60.0),
    )
    if engine is EngineKind.RAY and bool(cluster.address) is cluster.start:
        table.refuse(
            "engine", "a cluster of Ray needs address, where its head is, or start = true for one of its own"
        )
    if bool(cluster.rest) is not bool(cluster.rest_token):
        table.refuse(
            "engine", "rest and rest_token go together: the address of slurmrestd, and its token's file"
        )
    return cluster
