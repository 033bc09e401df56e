"""The waiting jobs that may be considered, cluster by cluster: a queue of one is nothing to another."""

import heapq
from collections.abc import Iterator

from launchyard.policy.limits import Party
from launchyard.policy.order import Key
from launchyard.policy.queue import Lane, Shape, WaitingQueue


class Queues:
    """One queue a cluster, looked at as one where that is what is asked for."""

    def __init__(self) -> None:
        self._by_cluster: dict[str, WaitingQueue] = {}
        self._cluster_of: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._cluster_of)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._cluster_of

    def of(self, cluster: str) -> WaitingQueue:
        """The queue of a cluster."""
        found = self._by_cluster.get(cluster)
        if found is None:
            found = self._by_cluster[cluster] = WaitingQueue()
        return found

    def put(
        self, cluster: str, job_id: int, shape: Shape, key: Key, count: int = 1, party: Party | None = None
    ) -> None:
        """Add the job, or move it where it now belongs."""
        if self._cluster_of.get(job_id, cluster) != cluster:
            self.drop(job_id)
        self._cluster_of[job_id] = cluster
        self.of(cluster).put(job_id, shape, key, count, party)

    def drop(self, job_id: int) -> None:
        """Forget the job; one that is not here is no error."""
        cluster = self._cluster_of.pop(job_id, None)
        if cluster is not None:
            self._by_cluster[cluster].drop(job_id)

    def lanes(self) -> list[Lane]:
        """The lanes of all clusters; read only."""
        return [lane for queue in self._by_cluster.values() for lane in queue.lanes()]

    def in_order(self) -> Iterator[int]:
        """All job ids, first to start first."""
        queues = [queue for queue in self._by_cluster.values() if len(queue)]
        if len(queues) < 2:
            return iter(()) if not queues else queues[0].in_order()
        entries = ([(queue.key_of(one), one) for one in queue.in_order()] for queue in queues)
        return (job_id for _, job_id in heapq.merge(*entries))

    def ahead(self, job_id: int) -> int:
        """How many entries of its own cluster come before this one."""
        return self._by_cluster[self._cluster_of[job_id]].ahead(job_id)

    def beside(self, job_id: int) -> Iterator[int]:
        """The jobs of its own cluster, first to start first."""
        return self._by_cluster[self._cluster_of[job_id]].in_order()
