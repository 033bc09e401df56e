"""Jobs as the options of squeue choose them, from the server."""

import os
import pwd
import sys

from launchyard.cli.slurm.arguments import Given
from launchyard.cli.slurm.clusters import Cluster
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import surroundings
from launchyard.model.errors import LaunchyardError
from launchyard.model.hostlist import expand
from launchyard.model.light import Any
from launchyard.slurm import jobchoice, states
from launchyard.slurm.facts import Facts, Surroundings
from launchyard.slurm.indexes import NotAnId, Wanted, read_ids
from launchyard.slurm.jobchoice import Choice
from launchyard.slurm.jobvalues import IDS

NO_SUCH_JOB = "slurm_load_jobs error: Invalid job id specified"


def facts_of(given: Given, server: Server, columns: list[str], cluster: Cluster | None = None) -> Facts:
    """The jobs that the options ask for, with these columns, in no order; those of one cluster alone."""
    choice = choice_of(given, server)
    wanted = list(dict.fromkeys([*IDS.split(), *choice.needs, *columns]))
    title, name = ("", None) if cluster is None else cluster
    facts = asked(server, wanted, surroundings(title), clusters=name, **_query(given, choice))
    if not facts.count and len(choice.ids) == 1:
        print(NO_SUCH_JOB, file=sys.stderr)
        raise Refused
    jobchoice.hide_split(facts)
    choice.choose(facts)
    if given.count("array") or given.count("array-unique"):
        jobchoice.one_row_a_task(facts)
    return facts


def asked(server: Server, wanted: list[str], around: Surroundings, **query: Any) -> Facts:
    """Columns of the server's table of jobs."""
    answer = server.get("/v1/tables/jobs", columns=",".join(wanted), by_column=1, **query)
    count, constants = answer["count"], answer["constants"]
    found = answer["columns"] | {name: [value] * count for name, value in constants.items()}
    return Facts(count, {name: found[name] for name in wanted}, around, constants)


def choice_of(given: Given, server: Server) -> Choice:
    """What the options say. Raises `Refused` as Slurm does."""
    return Choice(
        ids=_ids(given),
        states=_states(given),
        names=_words(given, "name"),
        accounts=_words(given, "account"),
        qos=_words(given, "qos"),
        nodes=_nodes(given.last("nodelist"), server),
        reservations=_words(given, "reservation"),
        licences=_words(given, "licenses"),
    )


def _query(given: Given, choice: Choice) -> dict[str, str | int | float | None]:
    """What the server chooses by itself: users, ids, partitions; ended jobs where they may be asked for."""
    users = users_of(given)
    ended = choice.states is None or any(state in choice.states for state in states.ENDED)
    return {
        "users": ",".join(users) or None,
        "ids": ",".join(dict.fromkeys(str(one.id) for one in choice.ids)) or None,
        "partitions": ",".join(_words(given, "partition")) or None,
        "recent": 1 if ended or choice.ids else None,
    }


def _words(given: Given, option: str) -> list[str]:
    """All values of an option with commas between them; one that is repeated adds to what was given."""
    values = [value or "" for name, value in given.options if name == option]
    return [word for value in values for word in value.split(",") if word]


def _ids(given: Given) -> list[Wanted]:
    try:
        return [one for name, value in given.options if name == "jobs" for one in read_ids(value or "")]
    except NotAnId as error:
        raise Refused(f"error: Invalid job id: {error.args[0]}") from None


def _states(given: Given) -> frozenset[str] | None:
    asked = _words(given, "states")
    if not asked:
        return frozenset({"PENDING"} if given.count("start") else states.LIVE)
    try:
        return states.ours(asked)
    except states.Unknown as error:
        raise Refused(
            f"error: Invalid job state specified: {error.args[0]}",
            f"error: Valid job states include: {','.join(states.CODES)}",
        ) from None


def users_of(given: Given) -> list[str]:
    """Names and user ids. Raises `Refused`."""
    found = [str(os.geteuid())] if given.count("me") else []
    for word in _words(given, "user"):
        if not word.isdigit():
            try:
                pwd.getpwnam(word)
            except KeyError:
                # Slurm goes on: nobody of that name has a job.
                print(f"squeue: error: Invalid user: {word}\n", file=sys.stderr)
        found.append(word)
    return found


def _nodes(text: str | None, server: Server) -> list[str]:
    if not text:
        return []
    known = {row[0] for row in server.table("nodes", "name")}
    try:
        names = expand(text)
    except LaunchyardError:
        names = [text]
    for name in names:
        if name not in known:
            raise Refused(f"error: Invalid node name {name}")
    return names
