"""What `sacctmgr show` asks: accounts, users and QOS as the rules in force have them, for everybody."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import caller_of, context_of
from launchyard.api.query import Query
from launchyard.config.text import rules_tables
from launchyard.policy.rights import Right, may

router = APIRouter()


@router.get("/v1/slurm/associations", openapi_extra=describe.ASSOCIATIONS)
async def associations(request: Request) -> Response:
    """Where others' jobs are nobody's business, so are the accounts they are in."""
    Query(request, ())
    context, caller = context_of(request), caller_of(request)
    services = context.services
    tables = rules_tables(services.controller.administration.rules)
    others = may(caller, Right.SEE_ALL) or services.jobs_visible_to_all
    return answer(
        {
            "cluster": services.slurm.cluster,
            "user": caller.user,
            "qos": tables["qos"],
            "accounts": tables["accounts"],
            "users": [one for one in tables["users"] if others or one["name"] == caller.user],
        }
    )
