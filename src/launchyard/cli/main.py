"""`ly`: a table of commands, each imported when it is called, and one place where errors become sentences."""

import difflib
import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from launchyard import __version__
from launchyard.cli.groups import NearestGroup
from launchyard.cli.output.screen import out, problem
from launchyard.model.errors import Infeasible, Invalid, LaunchyardError

SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Server",
        (
            ("up", "Start the server of this machine."),
            ("down", "Stop it; jobs run on."),
            ("status", "How the server is, how it enforces limits, what waits and runs."),
            ("backup", "Copy the whole queue into a file, while the server works."),
            ("restore", "Go back to a backup; no job id is used again."),
            ("doctor", "Check everything that commonly goes wrong, and say what to do."),
            ("open", "Open the portal in a browser, logged in."),
            ("demo", "Submit a few real jobs and watch them."),
        ),
    ),
    (
        "Work",
        (
            ("submit", "Queue a script, or a command after --."),
            ("run", "Run a command as a job, attached to this terminal."),
            ("sweep", "Run a command with every combination of parameters, as one array."),
            ("session", "Interactive apps as jobs: JupyterLab, desktops, editors."),
            ("shell", "Open a shell inside a running job."),
            ("rerun", "Submit a job again, with changes."),
        ),
    ),
    (
        "Look",
        (
            ("jobs", "The jobs that wait and run."),
            ("show", "One job in full."),
            ("why", "Why a job waits, or why it ended so."),
            ("logs", "What a job printed."),
            ("wait", "Wait until jobs have ended."),
            ("nodes", "The machines; drain, take down and resume them."),
            ("simulate", "What recorded work would have waited under other policies."),
            ("usage", "Who used what, with shares."),
            ("efficiency", "What jobs used of what they asked for; what to ask for."),
        ),
    ),
    (
        "Change",
        (
            ("cancel", "Stop jobs, or take them out of the queue."),
            ("hold", "Keep waiting jobs from starting."),
            ("release", "Let held jobs start."),
            ("requeue", "Stop jobs and queue them again."),
            ("top", "Put waiting jobs before your others."),
            ("suspend", "Let running jobs stand still; they keep what they hold."),
            ("resume", "Let suspended jobs go on."),
            ("update", "Change what a job asks for."),
            ("reservations", "Nodes kept for a time: list, create and delete them."),
            ("admin", "The rules of the queue: accounts, QOS, partitions, limits."),
            ("config", "Check a configuration file; make one from a slurm.conf."),
            ("slurm-path", "The directory with Slurm's commands, to put first in PATH."),
            ("ray", "Use Ray's own commands here; start Ray clusters and connect to them."),
            ("token", "Create, list and revoke tokens for remote use."),
            ("completion", "What makes bash, zsh or fish complete ly."),
        ),
    ),
)
HELP = {name: text for _, commands in SECTIONS for name, text in commands}
_ACTS = ("cancel", "hold", "release", "requeue", "top", "suspend", "resume")
_NAMED_OTHERWISE = {**dict.fromkeys(_ACTS, "act"), "slurm-path": "slurm_path"}
_PYTHONS_WORDS = {"open": "open_"}


class Commands(NearestGroup):
    """Loads `native/<name>.py` when `<name>` is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(HELP)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in HELP:
            return None
        module = importlib.import_module(f"launchyard.cli.native.{_NAMED_OTHERWISE.get(name, name)}")
        command: click.Command = getattr(module, _PYTHONS_WORDS.get(name, name.replace("-", "_")))
        command.help = command.help or HELP[name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table alone: `ly --help` imports no command."""
        for title, commands in SECTIONS:
            with formatter.section(title):
                formatter.write_dl(commands)


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option("--state", metavar="DIR", help="The server's state directory (LAUNCHYARD_STATE).")
@click.option("--url", metavar="URL", help="The server's address (LAUNCHYARD_URL).")
@click.version_option(__version__, prog_name="Launchyard", message="%(prog)s %(version)s")
def ly(state: str | None, url: str | None) -> None:
    """Launchyard: one queue for batch scripts, commands and sessions."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `ly`; the exit code is 0 done, 1 the job or request failed, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _invoke(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        return code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        out(error.format_message())
        return error.exit_code
    except click.ClickException as error:
        problem(_sentence(error))
        return error.exit_code
    except LaunchyardError as error:
        problem(str(error))
        return 2 if isinstance(error, Invalid | Infeasible) else 1
    except (KeyboardInterrupt, click.Abort):
        return 128 + 2
    except BrokenPipeError:
        # The reader of our output has gone (`ly jobs | head`): nothing is wrong, and nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + 13
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise
        # Whatever is left in the buffer cannot be written at the interpreter's end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        problem(f"cannot write the output: {error.strerror}; what was asked for may have been done")
        return 1


def _invoke(arguments: list[str]) -> int:
    if "_LY_COMPLETE" in os.environ:
        # A shell asks for completions.
        ly.main(arguments, prog_name="ly")
    # Not `ly.main`, which has an exit code of its own for a closed pipe and answers Ctrl-C by a blank line.
    with ly.make_context("ly", arguments) as context:
        code = ly.invoke(context)
    return code if isinstance(code, int) else 0


def _sentence(error: click.ClickException) -> str:
    """One sentence for what click has in several lines."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ly"
    if isinstance(error, click.NoSuchOption):
        known = [name for name in _options(context) if name.startswith("--")]
        near = difflib.get_close_matches(error.option_name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"`{path} --help` lists them"
        return f"`{path}` has no option {error.option_name}; {hint}"
    if isinstance(error, click.BadOptionUsage) and "requires an argument" in error.message:
        return f"{error.option_name} needs a value"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"`{path}` needs {_name(error.param)}; `{path} --help` shows how"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_name(error.param)}: {_plain(_lower(error.message))}"
    return _lower(error.format_message())


def _plain(message: str) -> str:
    """click's words for numbers, as a person would say them."""
    value, _, least = message.partition(" is not in the range x>=")
    if least:
        return f"{value} is too small; the least is {least}"
    return message.replace("a valid integer", "a whole number").replace("a valid float", "a number")


def _options(context: click.Context | None) -> list[str]:
    if context is None:
        return []
    parameters = context.command.get_params(context)
    return [name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)]


def _name(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.human_readable_name


def _lower(text: str) -> str:
    text = text.strip().rstrip(".")
    return text[:1].lower() + text[1:]
