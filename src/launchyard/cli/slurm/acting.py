"""One thing done to many jobs by a request or a few, and how its refusals are told in Slurm's words."""

from launchyard.cli.slurm.server import Server
from launchyard.model.light import Any, NamedTuple
from launchyard.slurm.errnos import ALREADY_DONE, CRON_CANCEL, DENIED, INVALID_JOB, PART, TRANSITION, Errno
from launchyard.slurm.jobnames import Named

AT_ONCE = 5_000
"""So many in one request, whose answer takes a second at most."""
# fmt: off
ENDED = frozenset((
    "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "DEADLINE",
    "LOST",
))
# fmt: on


class Outcome(NamedTuple):
    """Of one job as it was named; `errno` None: done. `detail`: our own sentence, `state` ours."""

    named: Named
    errno: Errno | None
    detail: str = ""
    state: str = ""


def act(server: Server, what: str, names: list[Named], **more: Any) -> list[Outcome]:
    """Do it to all; tasks named together (`12_[1-3]`) have one outcome, the worst."""
    refs = [ref for one in names for ref in one.refs]
    if not refs:
        return []
    results: list[dict[str, Any]] = []
    for at in range(0, len(refs), AT_ONCE):
        part = refs[at : at + AT_ONCE]
        results += server.post("/v1/acts", {"act": what, "jobs": part, **more})["results"]
    told = iter(results)
    return [_outcome(one, [next(told) for _ in one.refs]) for one in names]


def _outcome(named: Named, results: list[dict[str, Any]]) -> Outcome:
    """Tasks that are not there (any more) do not matter while another one is."""
    told = [_told(named, one) for one in results]
    if any(one.errno is None for one in told):
        told = [one for one in told if one.errno not in (INVALID_JOB, ALREADY_DONE)]
    return next((one for one in told if one.errno is not None), Outcome(named, None))


def _told(named: Named, result: dict[str, Any]) -> Outcome:
    status, state = result["status"], result.get("state") or ""
    if status == 200:
        return Outcome(named, None, "", state)
    if result.get("code") == "cron":
        return Outcome(named, CRON_CANCEL, result.get("detail") or "", state)
    if result.get("code") == "part":
        return Outcome(named, PART, "", state)
    return Outcome(named, errno_of(status, state), result.get("detail") or "", state)


def errno_of(status: int, state: str) -> Errno:
    if status in (400, 404):
        return INVALID_JOB
    if status in (401, 403):
        return DENIED
    return ALREADY_DONE if state in ENDED else TRANSITION
