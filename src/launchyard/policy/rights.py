"""Who may do what: one table of roles, one of what tokens are for, and what follows of them for a job.

Every route names the right that it needs (`api.access`); a caller has it when both the role and the
credential give it. What a right is to a job that somebody else owns is said here too, and nowhere else.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import StrEnum

from launchyard.model.errors import Forbidden
from launchyard.model.job import Job
from launchyard.model.role import Role, Scope
from launchyard.model.rules import Rules
from launchyard.model.sight import EVERYBODYS, Sight
from launchyard.model.submission import Caller, Submission


class Right(StrEnum):
    """What a request is."""

    LOOK = "look"
    """See one's own jobs with their output, and what everybody sees of the cluster."""
    SUBMIT = "submit"
    """Submit jobs and start sessions; cancel, hold and change one's own."""
    ENTER = "enter"
    """Be there as oneself: terminals, sessions, files."""
    CREDENTIALS = "credentials"
    """Make, list and revoke one's own tokens and logins."""
    ACCOUNT = "account"
    """Set limits and members of the accounts that one coordinates."""
    SEE_ALL = "see-all"
    """See that others' jobs are there, and how they are; not what is in them."""
    ACT_ALL = "act-all"
    """Cancel, hold, release and requeue others' jobs."""
    NODES = "nodes"
    """Close nodes and take them back; reserve them; set counters back."""
    CONTENT_ALL = "content-all"
    """Read others' output, scripts and variables, and change their jobs."""
    RULES = "rules"
    """Change the rules of the queue, and go beyond those of partitions."""
    AUDIT = "audit"
    """Read who did what."""
    TOKENS_ALL = "tokens-all"
    """List and revoke others' tokens and logins."""


_USER = frozenset({Right.LOOK, Right.SUBMIT, Right.ENTER, Right.CREDENTIALS})

OF_ROLE: Mapping[Role, frozenset[Right]] = {
    Role.USER: _USER,
    Role.COORDINATOR: _USER | {Right.ACCOUNT},
    Role.OPERATOR: _USER | {Right.SEE_ALL, Right.ACT_ALL, Right.NODES},
    Role.ADMINISTRATOR: frozenset(Right),
}
OF_SCOPE: Mapping[Scope, frozenset[Right]] = {
    Scope.READ: frozenset({Right.LOOK, Right.SEE_ALL}),
    Scope.SUBMIT: frozenset({Right.LOOK, Right.SUBMIT}),
    Scope.ALL: frozenset(Right),
}
_HAVE = {
    (role, scope, coordinates): (given | ({Right.ACCOUNT} if coordinates else frozenset())) & OF_SCOPE[scope]
    for role, given in OF_ROLE.items()
    for scope in Scope
    for coordinates in (False, True)
}

_NEEDS = {
    Right.LOOK: "look at this",
    Right.SUBMIT: "submit jobs or change them",
    Right.ENTER: "open sessions, terminals or files",
    Right.CREDENTIALS: "make or end tokens and logins",
    Right.ACCOUNT: "see or change the rules of the queue",
    Right.SEE_ALL: "see the jobs of others",
    Right.ACT_ALL: "act on the jobs of others",
    Right.NODES: "close nodes, reserve them or take them back",
    Right.CONTENT_ALL: "read what others' jobs have written",
    Right.RULES: "see or change the rules of the queue",
    Right.AUDIT: "see who did what",
    Right.TOKENS_ALL: "see or end the tokens of others",
}


def may(caller: Caller, right: Right) -> bool:
    """Whether the role and the credential both give it."""
    return right in _HAVE[caller.role, caller.scope, bool(caller.coordinates)]


def rights_of(caller: Caller) -> frozenset[Right]:
    """All that the role and the credential both give."""
    return _HAVE[caller.role, caller.scope, bool(caller.coordinates)]


def require(caller: Caller, right: Right) -> None:
    """Raises `Forbidden`: for want of a role, or of a credential that is for this."""
    if may(caller, right):
        return
    if right not in _HAVE[caller.role, Scope.ALL, bool(caller.coordinates)]:
        who = " or an operator" if right in OF_ROLE[Role.OPERATOR] else ""
        raise Forbidden(f"only an administrator{who} may {_NEEDS[right]}; ask root of this machine")
    raise Forbidden(
        f"this token has the scope {caller.scope} and may not {_NEEDS[right]}; make another: ly token create",
        code="scope",
    )


def role_of(user: str, uid: int, groups: Collection[str], rules: Rules) -> tuple[Role, tuple[str, ...]]:
    """What the rules make of somebody, and of which accounts they are coordinator."""
    coordinates = tuple(sorted(name for name in rules.accounts if user in _coordinators(name, rules)))
    if uid == 0:
        return Role.ADMINISTRATOR, coordinates
    for role in (Role.ADMINISTRATOR, Role.OPERATOR):
        given = rules.roles.get(role)
        if given is not None and (user in given.users or not set(given.groups).isdisjoint(groups)):
            return role, coordinates
    return (Role.COORDINATOR if coordinates else Role.USER), coordinates


def _coordinators(account: str, rules: Rules) -> set[str]:
    """Of the account and of those above it."""
    return {user for one in rules.ancestry(account) for user in rules.accounts[one].coordinators}


# -- a job, and somebody


def refuse_ahead(caller: Caller, nice: int | None, before: int = 0) -> None:
    """Raises `Forbidden` for a `nice` below 0 and below what it was: who asks for that goes before others."""
    if nice is not None and nice < min(0, before) and not may(caller, Right.ACT_ALL):
        raise Forbidden(
            f"nice {nice} puts the job before those of others, and only an administrator or an operator may; "
            f"write 0 or more"
        )


def owns(caller: Caller, job: Job) -> bool:
    """Whether one may look into it and change it: its owner, and administrators."""
    return (job.uid == caller.uid and _is_of_token(caller, job)) or may(caller, Right.CONTENT_ALL)


def reads(caller: Caller, job: Job) -> bool:
    """Whether one may read its output, script and variables."""
    return job.uid == caller.uid or may(caller, Right.CONTENT_ALL)


def sees(caller: Caller, job: Job) -> bool:
    """Whether one may know of it."""
    return knows(caller, job.uid, job.account)


def knows(caller: Caller, uid: int, account: str | None) -> bool:
    """Whether one may know of the jobs of a user in an account."""
    return uid == caller.uid or may(caller, Right.SEE_ALL) or account in caller.coordinates


def sight(caller: Caller, *, visible_to_all: bool = False) -> Sight:
    """Whose jobs lists show: what one `sees`, or everybody's where the site's policy says so."""
    if visible_to_all or may(caller, Right.SEE_ALL):
        return EVERYBODYS
    return Sight(user=caller.user, accounts=frozenset(caller.coordinates))


def acts(caller: Caller, job: Job) -> bool:
    """Whether one may cancel it, hold it, let it go on."""
    return (job.uid == caller.uid and _is_of_token(caller, job)) or above(caller, job)


def above(caller: Caller, job: Job) -> bool:
    """Whether one may so by one's role: then its owner cannot undo it."""
    if may(caller, Right.ACT_ALL):
        return True
    return job.account in caller.coordinates and job.uid != caller.uid and may(caller, Right.ACCOUNT)


def _is_of_token(caller: Caller, job: Job) -> bool:
    return caller.account is None or job.account == caller.account


# -- a token that is for one account


def charged(caller: Caller, submission: Submission) -> Submission:
    """As it is charged: to the account of the token, if it is for one. Raises `Forbidden`."""
    if caller.account is None:
        return submission
    refuse_other_account(caller, submission.account)
    return replace(submission, account=caller.account)


def refuse_other_account(caller: Caller, account: str | None) -> None:
    """Raises `Forbidden` where the token is for another account than this."""
    if caller.account is not None and account not in (None, caller.account):
        raise Forbidden(
            f"this token submits to account {caller.account} alone, not to {account}; leave the account out",
            code="scope",
        )
