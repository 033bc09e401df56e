"""`ly completion`: what a shell needs to complete `ly`; and the words that only a server knows."""

from collections.abc import Callable, Mapping

import click

from launchyard.cli import described as kinds
from launchyard.cli.described import described
from launchyard.cli.options import client
from launchyard.cli.output.screen import out
from launchyard.cli.output.text import clean
from launchyard.cli.shells import SCRIPTS
from launchyard.model.errors import LaunchyardError
from launchyard.sdk.client import Client
from launchyard.sdk.sessions import Sessions

MOST = 500
"""So many words are offered at most."""


@click.command()
@click.argument("name", metavar="[bash|zsh|fish]", type=click.Choice(tuple(SCRIPTS)), required=False)
@click.option("--words", type=click.Choice(kinds.ASKED), hidden=True)
def completion(name: str | None, words: str | None) -> int:
    """Print what makes a shell complete `ly`: options, commands, jobs, partitions, nodes, sessions.

    bash: ly completion bash > ~/.local/share/bash-completion/completions/ly; or, in ~/.bashrc,
    eval "$(ly completion bash)".
    zsh: ly completion zsh > DIR/_ly, where DIR is in fpath.
    fish: ly completion fish > ~/.config/fish/completions/ly.fish.
    """
    if words is not None:
        return _words(words)
    if name is None:
        raise click.UsageError(f"name a shell: ly completion {'|'.join(SCRIPTS)}")
    root = click.get_current_context().find_root().command
    out(SCRIPTS[name](described(root)))
    return 0


def _words(kind: str) -> int:
    """Nothing at all where no server answers: a shell that completes is no place for a sentence."""
    try:
        with client() as server:
            found = FOUND[kind](server)
    except LaunchyardError:
        return 1
    for word in found[:MOST]:
        out(clean(word))
    return 0


def _jobs(server: Client) -> list[str]:
    return [str(job.key) for job in server.jobs()]


def _partitions(server: Client) -> list[str]:
    rows = server.transport.json("GET", "/v1/tables/partitions?columns=name")["rows"]
    return [str(name) for (name,) in rows]


def _own(table: str) -> Callable[[Client], list[str]]:
    """Of accounts and QOS, as any user may see them."""

    def named(server: Client) -> list[str]:
        told = server.transport.json("GET", "/v1/slurm/associations")
        return [str(one["name"]) for one in told[table]]

    return named


def _clusters(server: Client) -> list[str]:
    return sorted({str(node.cluster) for node in server.nodes() if node.cluster})


FOUND: Mapping[str, Callable[[Client], list[str]]] = {
    kinds.JOBS: _jobs,
    kinds.NODES: lambda server: [str(node.name) for node in server.nodes()],
    kinds.PARTITIONS: _partitions,
    kinds.ACCOUNTS: _own("accounts"),
    kinds.QOS: _own("qos"),
    kinds.CLUSTERS: _clusters,
    kinds.SESSIONS: lambda server: [str(one.id) for one in Sessions(server).list()],
    kinds.APPS: lambda server: [str(one.name) for one in Sessions(server).apps()],
}
