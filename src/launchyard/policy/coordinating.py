"""What a coordinator may change of the rules: limits and members of an account, and accounts below it.

What bounds the account itself (its own limits, shares, QOS, who is above it) stays the administrators'.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from launchyard.model.errors import Forbidden
from launchyard.model.rules import Rules
from launchyard.model.submission import Caller
from launchyard.policy.rights import Right, may

OF_USER = frozenset({"account", "shares", "default", "limits", "per_job"})
OF_ACCOUNT = frozenset({"per_user", "per_job"})
OF_ACCOUNT_BELOW = OF_ACCOUNT | {"shares", "limits", "parent"}


def refuse_change(
    caller: Caller, kind: str, name: str, values: Mapping[str, str], rules: Rules, *, remove: bool = False
) -> None:
    """Raises `Forbidden` for what is not the caller's to change. A bare key is one of `limits`."""
    if may(caller, Right.RULES):
        return
    if kind == "user":
        _refuse_user(caller, name, values)
    elif kind == "account":
        _refuse_account(caller, name, values, rules, remove=remove)
    else:
        raise Forbidden(
            f"a coordinator changes accounts and users alone; ask an administrator for this {kind}"
        )


def _refuse_user(caller: Caller, name: str, values: Mapping[str, str]) -> None:
    account = values.get("account", "")
    if account not in caller.coordinates:
        mine = ", ".join(caller.coordinates)
        raise Forbidden(f"name one of your accounts ({mine}): ly admin set user {name} account=NAME")
    _refuse_keys(f"of user {name}", values, OF_USER)


def _refuse_account(
    caller: Caller, name: str, values: Mapping[str, str], rules: Rules, *, remove: bool
) -> None:
    known = rules.accounts.get(name)
    parent = known.parent if known is not None else values.get("parent")
    below = parent in caller.coordinates and values.get("parent", parent) in caller.coordinates
    if below and (known is None or name in caller.coordinates):
        _refuse_keys(f"of account {name}", values, OF_ACCOUNT_BELOW)
        return
    if name not in caller.coordinates or remove:
        mine = ", ".join(caller.coordinates)
        raise Forbidden(f"account {name} is not yours to change; you coordinate {mine}, and what is below")
    _refuse_keys(f"of account {name}", values, OF_ACCOUNT)


def _refuse_keys(what: str, values: Iterable[str], allowed: frozenset[str]) -> None:
    for key in values:
        outer = key.partition(".")[0]
        if outer not in allowed and not ("limits" in allowed and outer in _LIMITS):
            raise Forbidden(
                f"{key} {what} is the administrators' to set; a coordinator sets {', '.join(sorted(allowed))}"
            )


_LIMITS = frozenset(
    {"jobs", "waiting", "cpus", "memory", "gpus", "nodes", "cpu_minutes", "gpu_minutes", "time_limit"}
)


def shown_rules(caller: Caller, rules: Rules) -> Rules:
    """The rules as the caller may see them: of accounts a coordinator sees the own ones alone."""
    if may(caller, Right.RULES):
        return rules
    above = {one for name in caller.coordinates for one in rules.ancestry(name)}
    return replace(
        rules,
        accounts={name: one for name, one in rules.accounts.items() if name in above},
        associations={key: one for key, one in rules.associations.items() if key[0] in caller.coordinates},
        roles={},
    )
