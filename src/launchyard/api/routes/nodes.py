"""Nodes: what there is and what of it is in use; draining one and taking it back."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.audit import note
from launchyard.api.body import read_as
from launchyard.api.context import caller_of, context_of
from launchyard.api.query import Query
from launchyard.controller.controller import NodeUse
from launchyard.model.errors import Invalid
from launchyard.model.node import NodeState
from launchyard.wire.convert import NAME_MAX, checked_name
from launchyard.wire.job import cpus_json
from launchyard.wire.orders import MarkNode

router = APIRouter()


@router.get("/v1/nodes", openapi_extra=describe.NODES)
async def nodes(request: Request) -> Response:
    Query(request, ())
    uses = context_of(request).services.controller.node_uses()
    return answer({"nodes": [node_json(use) for use in uses]})


@router.post("/v1/nodes/{name}", openapi_extra=describe.MARK_NODE)
async def mark(request: Request) -> Response:
    caller = caller_of(request)
    body = await read_as(MarkNode, request)
    reason = checked_name(body.reason, "reason") if body.reason else ""
    state = NodeState(body.state.upper())
    name = request.path_params["name"]
    note(request.scope, state=body.state, reason=reason)
    if len(name) > NAME_MAX:
        raise Invalid(f"a node's name has at most {NAME_MAX} characters")
    use = await context_of(request).services.controller.mark_node(name, state, reason or "", caller.user)
    return answer(node_json(use))


def node_json(use: NodeUse) -> dict[str, Any]:
    """A node; `used` is what is allocated of it now."""
    node = use.node
    return {
        "name": node.name,
        "cluster": node.cluster,
        "state": node.state,
        "reason": node.reason or None,
        "cpus": node.cpus,
        "memory_mib": node.memory_mib,
        "gpus": node.gpus,
        "gpu_type": node.gpu_type or None,
        "features": list(node.features),
        "reservation": use.reservation,
        "used": {
            "cpus": cpus_json(use.cpus_milli),
            "memory_mib": use.memory_mib,
            "gpus": cpus_json(round(use.gpus * 1000)),
            "jobs": use.jobs,
        },
    }
