"""What the commands that show the cluster ask of the server, and its JSON."""

import grp
import os
import pwd
import sys
import time
from collections.abc import Sequence

from launchyard.cli.slurm.about import Settings
from launchyard.cli.slurm.server import Server
from launchyard.model import lightjson
from launchyard.model.light import Any
from launchyard.slurm import clusterjson, jsonframe
from launchyard.slurm.nodes import Row


def rows(server: Server, table: str, columns: Sequence[str], cluster: str | None = None) -> list[Row]:
    """The rows of a table as dicts, with these columns; those of one cluster alone."""
    of = [] if cluster is None else ["cluster"]
    names = list(dict.fromkeys([*(word for text in columns for word in text.split()), *of]))
    found = [dict(zip(names, row, strict=True)) for row in server.table(table, " ".join(names))]
    return [row for row in found if not of or row["cluster"] == cluster]


def every(server: Server, table: str, cluster: str | None = None) -> list[Row]:
    """All rows with all columns of the JSON."""
    return rows(server, table, [clusterjson.NEEDS[table]], cluster)


def print_groups_json(nodes: Sequence[Row], partitions: Sequence[Row], site: Settings) -> None:
    """`sinfo --json`: filters hold for it, formats do not."""
    found = clusterjson.groups(nodes, partitions, str(site["cluster"]))
    print_json(site, {"sinfo": found})


def print_json(site: Settings, answer: dict[str, Any]) -> None:
    """The answer with what stands around it."""
    uid = os.geteuid()
    frame = jsonframe.meta(str(site["version"]), str(site["cluster"]), sys.argv, *_names(uid))
    text = lightjson.write(answer)
    sys.stdout.write(f"{text[:-1]}{jsonframe.ending(frame)}\n")


def updated() -> dict[str, Any]:
    """When what is told was true."""
    return {"last_update": clusterjson.number(int(time.time()))}


def _names(uid: int) -> tuple[str, str]:
    try:
        found = pwd.getpwuid(uid)
        return found.pw_name, grp.getgrgid(found.pw_gid).gr_name
    except KeyError:
        return str(uid), str(os.getegid())
