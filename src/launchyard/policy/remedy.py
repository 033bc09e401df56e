"""What would help: one command for a cause, made of the job, of what the cluster has, and of the log's words.

Words from a log are quoted for the shell wherever they stand in a command.
"""

import re
import shlex
from collections.abc import Callable, Mapping

from launchyard.policy import amounts, repairs
from launchyard.policy.case import Case, from_directory, key_of, rerun, workdir


def command_for(template: str, case: Case) -> str:
    """The template with the case's values; the log, where the log gave too little to make it of."""
    values = {name: shlex.quote(_found(case, name, word)) for name, word in case.words.items() if word}
    try:
        for name in _FIELDS.findall(template):
            if name in MADE:
                made = MADE[name](case)
                if made is None:
                    return _log(case)
                values[name] = made
            else:
                values.setdefault(name, "")
        return " ".join(template.format_map(values).split(" ")).strip()
    except (KeyError, ValueError):
        return _log(case)


_FIELDS = re.compile(r"\{(\w+)\}")


def _found(case: Case, name: str, word: str) -> str:
    """A word as a command has it: a path from the job's directory is one from everywhere."""
    is_path = name in ("path", "file", "script") or (name == "program" and "/" in word)
    return from_directory(case, word) if is_path and not word.startswith("~") else word


def _log(case: Case) -> str:
    return f"ly logs {key_of(case.job)}"


MADE: Mapping[str, Callable[[Case], str | None]] = {
    "id": lambda case: key_of(case.job),
    "rerun": lambda case: rerun(case.job),
    "directory": workdir,
    "parent": repairs.parent,
    "path_or_directory": repairs.path_or_directory,
    "look": repairs.look,
    "which": repairs.which,
    "library": repairs.library,
    "more_memory": amounts.more_memory,
    "after_kill": amounts.after_kill,
    "java_memory": amounts.java_memory,
    "node_memory": amounts.node_memory,
    "more_gpus": amounts.more_gpus,
    "some_gpu": amounts.some_gpu,
    "longer": amounts.longer,
    "pip_install": repairs.pip_install,
    "pip_upgrade": repairs.pip_upgrade,
    "login_shell": repairs.login_shell,
    "unix_lines": repairs.unix_lines,
    "more_files": repairs.more_files,
    "trace": repairs.trace,
    "other_interpreter": repairs.other_interpreter,
    "check_script": repairs.check_script,
    "check_python": repairs.check_python,
}
"""What a template may name beside the groups of its pattern."""
