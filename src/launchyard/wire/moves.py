"""What `/v1/events` tells of jobs and of nodes; what it tells of sessions is beside sessions."""

from launchyard.model.node import NodeState
from launchyard.model.state import JobState
from launchyard.wire.shape import shape


@shape
class JobMoved:
    """The data of an event of kind `job`; an event `reset` means: events were missed, read the state anew."""

    seq: int
    job_id: int
    user: str
    account: str | None
    state: JobState
    previous: JobState | None
    at: str


@shape
class NodeMoved:
    """The data of an event of kind `node`: it came (`previous` null), went (`state` null) or is another one.

    What it is now, `GET /v1/nodes` tells; what is used of it moves with jobs.
    """

    name: str
    cluster: str
    state: NodeState | None
    previous: NodeState | None
    reason: str | None
    at: str
