"""`ly shell`: a shell, or a command, inside a running job."""

import click

from launchyard.cli.ids import parse_ids
from launchyard.cli.options import client
from launchyard.cli.output.screen import problem
from launchyard.cli.terminal import OURS, Outcome, Screen, attach, have_terminal, watch
from launchyard.model.errors import Invalid


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("job", metavar="JOB")
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
def shell(job: str, words: tuple[str, ...]) -> int:
    """Open a shell inside a running job, or run a command there."""
    ids = parse_ids([job])
    if len(ids) > 1:
        raise Invalid(f"{job} names {len(ids)} jobs; a shell opens in one")
    # click leaves a `--` that comes after the first word where it is.
    command = words[1:] if words[:1] == ("--",) else words
    with client() as server:
        screen = Screen(server.shell(ids[0], command))
        outcome = attach(screen, detachable=False) if have_terminal() else watch(screen)
    if outcome is Outcome.ENDED:
        return screen.exit_code
    problem(screen.last_words.get("error") or f"the connection to the shell in job {ids[0]} was lost")
    return OURS
