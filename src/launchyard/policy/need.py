"""A request's part on one node: what must be free there."""

from dataclasses import dataclass

from launchyard.model.resources import WHOLE_GPU_MILLI, Request


@dataclass(frozen=True, slots=True)
class Need:
    """CPUs, memory and GPUs on each of `nodes` nodes; or, when `tasks` is set, of each of so many tasks.

    Tasks are spread over at least `nodes` and at most `nodes_max` nodes, no more than `tasks_per_node` on
    one.
    """

    cpus_milli: int
    memory_mib: int
    gpus: int
    gpu_milli: int = WHOLE_GPU_MILLI
    exclusive: bool = False
    nodes: int = 1
    nodes_max: int = 1
    tasks: int = 0
    tasks_per_node: int = 0
    plain: bool = True
    """Nothing but CPUs and memory of an open node."""

    @classmethod
    def of(cls, request: Request) -> "Need":
        spread = _is_spread(request)
        parts = (request.tasks or 1) if spread else request.nodes
        most = request.nodes_max or (parts if spread else request.nodes)
        return cls(
            cpus_milli=-(-request.cpus_milli // parts),
            memory_mib=-(-request.memory_mib // parts),
            gpus=-(-request.gpus // parts),
            gpu_milli=request.gpu_milli,
            exclusive=request.exclusive,
            plain=not request.gpus and not request.exclusive,
            nodes=request.nodes,
            nodes_max=max(most, request.nodes),
            tasks=parts if spread else 0,
            tasks_per_node=(request.tasks_per_node or parts) if spread else 0,
        )


def _is_spread(request: Request) -> bool:
    """Tasks that divide evenly among a fixed number of nodes are equal parts; all others are spread."""
    tasks = request.tasks
    if tasks is None or tasks == 1:
        return False
    fixed = request.nodes_max is None and request.nodes > 1
    return not (fixed and tasks % request.nodes == 0)
