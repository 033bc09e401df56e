"""What the commands that show the cluster ask of the server, and its JSON."""

import grp
import os
import pwd
import sys
import time
from collections.abc import Sequence

from launchyard.cli.slurm.about import Settings
from launchyard.cli.slurm.arguments import Given
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model import lightjson
from launchyard.model.light import Any
from launchyard.slurm import clusterjson, jsonframe
from launchyard.slurm.nodes import Row


def rows(server: Server, table: str, columns: Sequence[str]) -> list[Row]:
    """The rows of a table as dicts, with these columns."""
    names = list(dict.fromkeys(word for text in columns for word in text.split()))
    return [dict(zip(names, row, strict=True)) for row in server.table(table, " ".join(names))]


def every(server: Server, table: str) -> list[Row]:
    """All rows with all columns of the JSON."""
    return rows(server, table, [clusterjson.NEEDS[table]])


def check_clusters(given: Given, site: Settings) -> None:
    """`-M`: there is one cluster here. Its name stands above its nodes, as Slurm prints it."""
    here = str(site["cluster"])
    asked = [name.strip() for name in (given.last("clusters") or "").split(",") if name.strip()]
    for name in asked:
        if name not in (here, "all"):
            raise Refused(f"error: No cluster '{name}' known by database.")
    if asked and not given.count("noheader") and given.last("json") is None:
        print(f"CLUSTER: {here}")


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
