"""`ly config`: check a configuration file, and make one from a site's slurm.conf."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from launchyard import config as configuration
from launchyard.cli.groups import NearestGroup
from launchyard.cli.options import json_option
from launchyard.cli.output.screen import err, out, out_json
from launchyard.cli.output.text import clean
from launchyard.config.files import SIZE_MAX
from launchyard.config.text import tables_text
from launchyard.model.errors import Invalid
from launchyard.slurm import conf
from launchyard.slurm.confnotes import Note
from launchyard.slurm.conftoml import Turned, turned

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=NearestGroup, name="config")
def config() -> None:
    """The configuration file: check one, or make one from a slurm.conf."""


@config.command()
@click.argument("file", type=FILE, required=False)
@json_option
def check(file: Path | None, as_json: bool) -> None:
    """Read FILE (or the one that `ly up` reads) as the server does, and say what is wrong with it."""
    environ, root = dict(os.environ), os.geteuid() == 0
    where = file or configuration.default_path(root=root, environ=environ)
    # Only a server started by root must be sure of who wrote the file; what is checked may lie anywhere.
    settings = configuration.load(file, root=root and file is None, environ=environ)
    counts = {"nodes": len(settings.nodes), "partitions": len(settings.partitions)}
    counts |= {"qos": len(settings.rules.qos), "accounts": len(settings.rules.accounts)}
    if as_json:
        out_json({"file": str(where), **counts})
    else:
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        out(f"{clean(str(where))} is right: {said}.")


@config.command("from-slurm")
@click.argument("file", type=FILE)
@click.option("--gres", type=FILE, metavar="FILE", help="The gres.conf that goes with it, for types of GPUs.")
@click.option("--accounts", type=FILE, metavar="DUMP", help="What `sacctmgr dump CLUSTER` wrote.")
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Write the configuration there.")
@json_option
def from_slurm(
    file: Path, gres: Path | None, accounts: Path | None, output: Path | None, as_json: bool
) -> None:
    """Turn a site's slurm.conf into our configuration, and list what was left out and why."""
    found = turned(
        conf.read(_text(file), str(file), _includer(file)),
        _text(gres) if gres else "",
        (str(accounts), _text(accounts)) if accounts else None,
    )
    text = written(found)
    _check(text)
    if as_json:
        notes = [
            {"file": n.place.file, "line": n.place.line, "name": n.name, "why": n.why} for n in found.notes
        ]
        out_json({"text": text, "left_out": notes})
        return
    if output is None:
        out(text.rstrip("\n"))
    else:
        _write(output, text)
    for note in found.notes:
        err(clean(str(note)))
    err(f"{len(found.notes)} parameters were left out or changed; `ly config check FILE` checks the result")


def written(found: Turned) -> str:
    """The file: keys of no table first, and above all where it is from."""
    top = [f"{key} = {json.dumps(value)}" for key, value in found.top.items()]
    head = ["# Made by `ly config from-slurm`; what was left out stands at the end.", *top, ""]
    return "\n".join(head) + "\n" + tables_text(found.tables) + _comments(found.notes)


def _comments(notes: Sequence[Note]) -> str:
    if not notes:
        return ""
    return "\n# Left out or changed:\n" + "".join(f"# {clean(str(note))}\n" for note in notes)


def _check(text: str) -> None:
    """The result is read once as the server will read it."""
    configuration.check(text, "the configuration made from it")


def _includer(file: Path) -> Callable[[str], str]:
    """Files named without a directory lie beside the first one; a pattern stands for all that match."""

    def include(name: str) -> str:
        path = file.parent / name
        paths = sorted(path.parent.glob(path.name)) if any(c in path.name for c in "*?[") else [path]
        return "\n".join(_text(one) for one in paths)

    return include


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(16 * SIZE_MAX + 1)
    except OSError as error:
        raise Invalid(f"cannot read {clean(str(path))}: {error.strerror}") from None
    if len(data) > 16 * SIZE_MAX:
        raise Invalid(f"{clean(str(path))} is larger than 16 MiB; is it the right file?")
    return data.decode(errors="replace")


def _write(path: Path, text: str) -> None:
    """A configuration is nobody else's to write."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:
            file.write(text)
    except OSError as error:
        raise Invalid(f"cannot write {clean(str(path))}: {error.strerror}") from None
