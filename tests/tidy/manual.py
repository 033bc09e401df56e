"""The man pages, and the page of commands: made from `ly` itself and from what the drop-in commands say."""

import contextlib
import importlib
import io
import re
from collections.abc import Iterable, Iterator
from functools import cache

from launchyard import __version__
from launchyard.cli.described import Choice, Described, described
from launchyard.cli.main import SECTIONS, ly
from launchyard.cli.slurm.main import main as dropin
from launchyard.model.refusals import REFUSALS
from launchyard.policy.causes import CAUSES
from launchyard.policy.waits import WAITS
from launchyard.slurm.commands import COMMANDS

COMMANDS_HEAD = """# Commands

<!-- Made by `make docs` from src/launchyard/cli; change that, not this. -->

`ly COMMAND --help` says the same, and so does `man ly-COMMAND` where it is installed.
The exit code is 0 for done, 1 when the job or request failed, 2 for wrong use. `--json` prints what programs
read, `-q` ids alone. For LAUNCHYARD_STATE, LAUNCHYARD_URL and LAUNCHYARD_TOKEN see [Start](../start.md).

Shells complete all of it, and jobs, partitions, nodes, accounts and sessions too:

```
ly completion bash > ~/.local/share/bash-completion/completions/ly
ly completion zsh > ~/.zfunc/_ly                  # ~/.zfunc is in fpath before compinit
ly completion fish > ~/.config/fish/completions/ly.fish
```

Slurm's commands have [pages of their own](slurm/sbatch.md).
"""
VARIABLES = (
    ("LAUNCHYARD_STATE", "The server's state directory, as --state."),
    ("LAUNCHYARD_URL", "The server's address, as --url."),
    ("LAUNCHYARD_TOKEN", "A token, for a server on another machine. It is never passed to a job."),
)
EXITS = "0: done. 1: the job or the request failed. 2: wrong use."


@cache
def tree() -> Described:
    return described(ly)


def commands_page() -> str:
    """docs/reference/commands.md"""
    parts = [COMMANDS_HEAD]
    known = {one.path[1]: one for one in tree().children}
    for title, commands in SECTIONS:
        parts.append(f"\n## {title}\n")
        for name, _ in commands:
            parts += [_section(one) for one in known[name].all()]
    return "".join(parts)


def _section(one: Described) -> str:
    level = "###" if len(one.path) == 2 else "####"
    text = "\n\n".join(_paragraphs(one.help))
    rows = "".join(_row(option) for option in _own(one))
    table = f"\n| option | value | what it does |\n|---|---|---|\n{rows}" if rows else ""
    return f"\n{level} {' '.join(one.path)}\n\n{_prose(text)}\n\n    {one.usage}\n{table}"


def _row(option: Choice) -> str:
    names = ", ".join(f"`{name}`" for name in option.names)
    return f"| {names} | {_cell(option.value)} | {_cell(option.help)} |\n"


def _prose(text: str) -> str:
    return re.sub(r"([<>*_])", r"\\\1", text) if "`" not in text else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _own(one: Described) -> Iterator[Choice]:
    """Without --help, which all have."""
    return (option for option in one.options if "--help" not in option.names)


def man_pages() -> dict[str, str]:
    """By path below docs/man."""
    pages = {"man1/ly.1": _first(tree()), "man1/launchyard.1": ".so man1/ly.1\n"}
    for one in tree().children:
        pages[f"man1/{'-'.join(one.path)}.1"] = _of_command(one)
    for name in COMMANDS:
        pages[f"slurm/man1/{name}.1"] = _of_dropin(name)
    pages["man7/launchyard-errors.7"] = _of_errors()
    return pages


def _first(root: Described) -> str:
    parts = [_head("ly", "one queue for batch scripts, commands and sessions", [root.usage])]
    parts.append(_options(_own(root)))
    for title, commands in SECTIONS:
        parts.append(f".SH {title.upper()}\n")
        parts += [f".TP\n.BR ly\\-{_plain(name)} (1)\n{_plain(text)}\n" for name, text in commands]
    parts.append(".SH ENVIRONMENT\n")
    parts += [f".TP\n.B {name}\n{_plain(text)}\n" for name, text in VARIABLES]
    parts.append(f".SH EXIT STATUS\n{_plain(EXITS)}\n")
    parts.append(".SH SEE ALSO\n.BR launchyard\\-errors (7)\n")
    return "".join(parts)


def _of_command(one: Described) -> str:
    below = list(one.all())[1:]
    parts = [_head("-".join(one.path), one.short, [each.usage for each in (one, *below)])]
    parts.append(f".SH DESCRIPTION\n{_text(one.help)}{_options(_own(one))}")
    if below:
        parts.append(".SH COMMANDS\n")
    for each in below:
        parts.append(f".SS {_plain(' '.join(each.path))}\n{_text(each.help)}")
        parts += [_option(option) for option in _own(each)]
    parts.append(".SH SEE ALSO\n.BR ly (1),\n.BR launchyard\\-errors (7)\n")
    return "".join(parts)


def _of_dropin(name: str) -> str:
    """What it says of itself, as it says it."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        dropin(name, ["--help"])
    doc = (importlib.import_module(f"launchyard.cli.slurm.{name}").__doc__ or "").strip()
    title = doc.partition("\n\n")[0]
    short = " ".join(title.split()).partition(": ")[2].rstrip(".") or "a command of Slurm's, in Launchyard"
    text = (
        f"This is {name} of Launchyard: it takes what Slurm's takes and works on the queue of ly(1). "
        "It is in the directory that `ly slurm-path` prints."
    )
    return (
        _head(name, short, None)
        + ".SH DESCRIPTION\n"
        + _text(text)
        + f".SH USAGE\n.EX\n{_verbatim(shown.getvalue())}.EE\n"
        + ".SH SEE ALSO\n.BR ly (1)\n"
    )


def _of_errors() -> str:
    parts = [_head("launchyard-errors", "what messages of Launchyard mean, and what to do", None, section=7)]
    parts.append(".SH DESCRIPTION\nEach kind of message has a word that does not change.\n")
    for title, table in (("REFUSALS", REFUSALS), ("WHY A JOB WAITS", WAITS)):
        parts.append(f".SH {title}\n")
        for code, entry in table.items():
            parts.append(f".TP\n.B {_plain(code)}\n{_plain(f'{entry.meaning} {entry.help}')}\n.br\n")
            parts.append(f"\\fI{_plain(entry.command)}\\fR\n")
    parts.append(".SH WHY A JOB ENDED\n")
    for code, cause in CAUSES.items():
        parts.append(f".TP\n.B {_plain(code)}\n{_plain(f'{cause.meaning} {cause.help}'.strip())}\n")
    parts.append(".SH SEE ALSO\n.BR ly\\-why (1)\n")
    return "".join(parts)


def _head(name: str, short: str, usages: Iterable[str] | None, *, section: int = 1) -> str:
    title = f'.TH "{name.upper()}" {section} "" "Launchyard {__version__}" "Launchyard"\n'
    lines = f".SH NAME\n{_plain(name)} \\- {_plain(short)}\n"
    synopsis = "".join(f"{_plain(usage)}\n.br\n" for usage in usages or ())
    return title + lines + (f".SH SYNOPSIS\n{synopsis}" if synopsis else "")


def _options(options: Iterable[Choice]) -> str:
    parts = [_option(option) for option in options]
    return ".SH OPTIONS\n" + "".join(parts) if parts else ""


def _option(option: Choice) -> str:
    value = f" \\fI{_plain(option.value)}\\fR" if option.value else ""
    names = ", ".join(f"\\fB{_plain(name)}\\fR" for name in option.names)
    return f".TP\n{names}{value}\n{_plain(option.help) or '(no more to say)'}\n"


def _text(text: str) -> str:
    return "".join(f".PP\n{_plain(paragraph)}\n" for paragraph in _paragraphs(text))


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _plain(text: str) -> str:
    """Text that troff takes as it is: no line of it is a request. Marks of code are left out."""
    text = " ".join(text.replace("`", "").split())
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    escaped = escaped.replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith((".", "\\(aq")) else escaped


def _verbatim(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    return "".join(f"\\&{_kept(line)}\n" for line in lines)


def _kept(line: str) -> str:
    escaped = line.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return escaped.replace("`", "\\(ga").replace("'", "\\(aq")
