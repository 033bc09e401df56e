"""What `scontrol show config` asks: the site, as the drop-in commands have to know it."""

import os
import pwd

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import context_of
from launchyard.api.query import Query
from launchyard.api.routes.cluster import preempt_mode

router = APIRouter()


@router.get("/v1/slurm/config", openapi_extra=describe.SLURM_CONFIG)
async def config(request: Request) -> Response:
    Query(request, ())
    services = context_of(request).services
    controller, site, status = services.controller, services.slurm, services.status()
    rules, nodes = controller.administration.rules, [use.node for use in controller.node_uses()]
    return answer(
        {
            "version": site.version,
            "cluster": site.cluster,
            "min_job_age_s": site.min_job_age_s,
            "max_array_size": site.max_array_size,
            "explicit_scancel": site.explicit_scancel,
            "order": rules.scheduler.order,
            "depth": rules.scheduler.depth,
            "half_life_s": rules.scheduler.half_life_s,
            "weights": rules.scheduler.weights,
            "preempt_mode": preempt_mode(rules.qos),
            "licences": {name: count for name, count, _ in controller.licences()},
            "nodes": len(nodes),
            "gpus": sum(node.gpus for node in nodes),
            "memory_per_cpu_mib": min((node.memory_mib // node.cpus for node in nodes), default=0),
            "grace_s": controller.grace_s,
            "next_job_id": controller.next_job_id,
            "served_since": status.get("started_at"),
            "state": status.get("state"),
            "daemon_uid": os.getuid(),
            "daemon_user": _user(os.getuid()),
        }
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
