"""`ly admin`: the rules of the queue, shown and changed while the server runs."""

from pathlib import Path

import click

from launchyard.cli.groups import NearestGroup
from launchyard.cli.native.install import install
from launchyard.cli.options import client, json_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.text import clean
from launchyard.model.errors import Invalid
from launchyard.sdk.records import Record


@click.group(cls=NearestGroup)
def admin() -> None:
    """The rules of the queue: partitions, QOS, accounts, users, limits, scheduler.

    A value that is changed here holds at once, after a restart, and when the configuration file is read
    again: it goes before what the file says, and all else is the file's. It is taken back by
    `ly admin reload --forget`.
    """


@admin.command()
@json_option
def show(as_json: bool) -> None:
    """The rules in force, as `ly admin apply` reads them."""
    with client() as server:
        rules = server.rules()
    if as_json:
        out_json(rules.to_json())
        return
    if rules.source == "file":
        out("# In force, from the configuration file")
    else:
        out("# In force, from the configuration file but for what ly admin changed, which goes before it:")
    for one in rules.changes or ():
        account = f" account={one.account}" if one.account else ""
        what = f"{one.kind} {one.name}".strip() + account
        out(clean(f"#   {what}: {'removed' if one.removed else ', '.join(one['keys']) or 'new'}"))
    for line in str(rules.text or "").splitlines():
        out(clean(line))


@admin.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@json_option
def apply(file: Path, as_json: bool) -> None:
    """Put the rules in FILE in force, in the place of all there are; - reads standard input."""
    try:
        with click.open_file(str(file), encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Invalid(f"cannot read {file}: {why}") from None
    with client() as server:
        rules = server.put_rules(text, "standard input" if str(file) == "-" else file.name)
    _done(rules, "The rules are in force.", as_json)


@admin.command(name="set")
@click.argument("kind")
@click.argument("words", metavar="[NAME] KEY=VALUE...", nargs=-1, required=True)
@json_option
def set_values(kind: str, words: tuple[str, ...], as_json: bool) -> None:
    """Change one thing, or make it when it is not there: ly admin set account physics gpus=64 shares=3.

    KIND is account, user, qos, partition or scheduler. Keys are those of the configuration file; gpus is
    short for limits.gpus, per_user.jobs is a key in a table. An empty value sets the default.
    """
    name, values = _split(kind, words)
    with client() as server:
        known = _has(server.rules(), kind, name)
        rules = server.change_rules(kind, name, values)
    _done(rules, f"{_title(kind, name)} is {'changed' if known else 'new'}.", as_json)


@admin.command()
@click.argument("kind")
@click.argument("words", metavar="NAME [account=ACCOUNT]", nargs=-1, required=True)
@json_option
def remove(kind: str, words: tuple[str, ...], as_json: bool) -> None:
    """Remove one thing. Jobs that wait for it go on waiting, with that as their reason."""
    name, values = _split(kind, words)
    with client() as server:
        rules = server.change_rules(kind, name, values, remove=True)
    _done(rules, f"{_title(kind, name)} is removed.", as_json)


@admin.command()
@click.option("--forget", is_flag=True, help="Take back all that was changed by ly admin.")
@json_option
def reload(forget: bool, as_json: bool) -> None:
    """Read the rules of the configuration file again; what was changed here goes before them."""
    with client() as server:
        rules = server.reload_rules(forget=forget)
    but = "" if rules.source == "file" else " but for what ly admin changed (ly admin show)"
    _done(rules, f"The rules of the configuration file are in force{but}.", as_json)


admin.add_command(install)


def _split(kind: str, words: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """A name (not of the scheduler), then `key=value` words."""
    name = "" if "=" in words[0] else words[0]
    pairs = [word.partition("=") for word in (words[1:] if name else words)]
    wrong = next((key for key, equals, _ in pairs if not equals or not key), None)
    if wrong is not None:
        raise click.UsageError(
            f"{wrong!r} is not KEY=VALUE; write for example ly admin set {kind} NAME gpus=4"
        )
    return name, {key: value for key, _, value in pairs}


def _title(kind: str, name: str) -> str:
    word = "QOS" if kind == "qos" else kind.capitalize()
    return f"{word} {clean(name)}" if name else f"The {kind}"


def _has(rules: Record, kind: str, name: str) -> bool:
    """Whether the thing is there already; a misspelt name shows by being new."""
    tables = rules.tables or {}
    table = tables.get(kind if kind in tables else f"{kind}s")
    return not isinstance(table, list) or any(one.name == name for one in table)


def _done(rules: Record, sentence: str, as_json: bool) -> None:
    if as_json:
        out_json(rules.to_json())
    else:
        out(sentence)
