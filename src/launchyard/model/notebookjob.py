"""A notebook as a batch job: the script that runs a copy of it by papermill, with its kernel and parameters.

The script holds the notebook as it was saved when it was submitted, so what is edited meanwhile changes
nothing. The output notebook is written while it runs, and kept when a cell fails.
"""

import hashlib
import json
import posixpath
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from launchyard.model.notebook import Notebook, Parameter
from launchyard.model.sweep import Sweep

PAPERMILL = "papermill"
KERNEL = "launchyard"
"""What the kernel is called in the job: a copy of the one that the session has under its own name."""
EMBEDDED_MAX = 2 * 1024 * 1024
"""A larger notebook is read when the job starts."""
METADATA_PATH, METADATA_OUTPUT = "launchyard.notebook", "launchyard.notebook_output"
METADATA_SESSION = "launchyard.session"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookRun:
    """What is to be run. `kernel` is a kernel specification as Jupyter writes it, None: the notebook's own.

    `output` None: a file beside the notebook, named by the job; of a sweep a directory with a file a task.
    """

    path: str
    saved_at: str
    session_id: int
    notebook: Notebook
    kernel: Mapping[str, Any] | None
    values: Mapping[str, Any] = field(default_factory=dict)
    sweep: Sweep | None = None
    output: str | None = None

    @property
    def directory(self) -> str:
        return posixpath.dirname(self.path)

    @property
    def stem(self) -> str:
        return posixpath.basename(self.path).removesuffix(".ipynb")


def output_of(run: NotebookRun) -> str:
    """Where the output notebook is, `{job}` and `{task}` standing for numbers that come with the job."""
    if run.output is not None:
        given = posixpath.join(run.directory, run.output)
        return f"{given}/{{task}}.ipynb" if run.sweep is not None else given
    beside = posixpath.join(run.directory, f"{run.stem}-{{job}}")
    return f"{beside}/{{task}}.ipynb" if run.sweep is not None else f"{beside}.ipynb"


def script_of(run: NotebookRun) -> str:
    """The whole script."""
    text = json.dumps(run.notebook.content, ensure_ascii=False, indent=1)
    embedded = len(text.encode("utf-8", "surrogateescape")) <= EMBEDDED_MAX
    lines = [
        "#!/bin/sh",
        f"# {_comment(run.path)}, as it was saved at {run.saved_at}.",
        f"# With the kernel that it has in session {run.session_id}.",
        "set -eu",
        'here="${TMPDIR:-/tmp}/notebook"',
        'mkdir -p "$here"',
    ]
    if run.kernel is not None:
        lines += [
            f'mkdir -p "$here/kernels/{KERNEL}"',
            *_document(f"$here/kernels/{KERNEL}/kernel.json", json.dumps(run.kernel, indent=1)),
            'export JUPYTER_PATH="$here${JUPYTER_PATH:+:$JUPYTER_PATH}"',
        ]
    if run.sweep is not None:
        lines += run.sweep.choices()
    lines += _output_lines(run)
    if embedded:
        lines += _document("$here/input.ipynb", text)
    lines.append(f"exec {' '.join(_words(run, embedded))}")
    return "\n".join([*lines, ""])


def _words(run: NotebookRun, embedded: bool) -> list[str]:
    """The command, each word as the shell has to read it."""
    source = '"$here/input.ipynb"' if embedded else shlex.quote(run.path)
    words = ["python", "-m", PAPERMILL, source, '"$output"', "--cwd", shlex.quote(run.directory)]
    words += ["--log-output", "--no-progress-bar"]
    if run.kernel is not None:
        words += ["--kernel", KERNEL]
    known = {one.name: one for one in run.notebook.parameters}
    for name, value in run.values.items():
        words += [shlex.quote(word) for word in _option(name, value)]
    for parameter in run.sweep.parameters if run.sweep is not None else ():
        option = "-r" if _is_text(known.get(parameter.name)) else "-p"
        words += [option, parameter.name, f'"${parameter.variable}"']
    return words


def _option(name: str, value: Any) -> list[str]:
    """A value as papermill reads it back: a text as it is, what is plain by its word, the rest as YAML."""
    if isinstance(value, str):
        return ["-r", name, value]
    if value is None or isinstance(value, bool | int | float):
        return ["-p", name, str(value)]
    return ["-y", _yaml({name: value})]


def _yaml(value: Any) -> str:
    """JSON whose numbers YAML takes for numbers too: it wants a point where there is an exponent."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)}: {_yaml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return f"{mantissa}{'' if '.' in mantissa or not e else '.0'}{e}{exponent}"
    return json.dumps(value)


def _output_lines(run: NotebookRun) -> list[str]:
    """The output's path, with what is known only in the job put in by the shell."""
    job = "$LAUNCHYARD_ARRAY_JOB_ID" if run.sweep is not None else "$LAUNCHYARD_JOB_ID"
    numbers = {"job": job, "task": "$LAUNCHYARD_ARRAY_INDEX"}
    quoted = "".join(_piece(piece, numbers) for piece in _split(output_of(run), numbers))
    return [f"output={quoted}", 'mkdir -p "$(dirname "$output")"']


def _split(text: str, numbers: Mapping[str, str]) -> list[str]:
    pieces = [text]
    for name in numbers:
        pieces = [part for piece in pieces for part in _cut(piece, f"{{{name}}}")]
    return pieces


def _cut(piece: str, mark: str) -> Sequence[str]:
    before, found, after = piece.rpartition(mark)
    return [before, mark, after] if found else [piece]


def _piece(piece: str, numbers: Mapping[str, str]) -> str:
    number = numbers.get(piece[1:-1]) if piece.startswith("{") else None
    return f'"{number}"' if number is not None else shlex.quote(piece) if piece else ""


def _document(target: str, text: str) -> list[str]:
    """The lines that write `text` into a file; the word that ends it is in no line of the text."""
    end = f"END_{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    return [f"cat >\"{target}\" <<'{end}'", text, end]


def _is_text(parameter: Parameter | None) -> bool:
    return parameter is not None and parameter.kind == "text"


def _comment(path: str) -> str:
    """On one line, whatever stands in the name."""
    return "".join(c if c.isprintable() else "?" for c in path)
