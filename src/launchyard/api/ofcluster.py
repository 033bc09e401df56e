"""Jobs of one cluster. A partition belongs to one: the jobs of a cluster are those of its partitions."""

from launchyard.api.services import Services
from launchyard.model.errors import Invalid
from launchyard.model.number import shown


def partitions_of(services: Services, cluster: str | None) -> frozenset[str]:
    """The partitions of the cluster; none where none is named. Raises `Invalid`."""
    if cluster is None:
        return frozenset()
    known = services.controller.clusters.names
    if cluster not in known:
        raise Invalid(f"there is no cluster {shown(cluster)}; there are: {', '.join(known)}")
    there = services.controller.administration.rules.partitions.values()
    # A cluster that has not told its partitions yet has no jobs either: nothing is called like that.
    return frozenset(one.name for one in there if one.cluster == cluster) or frozenset({"(none)"})
