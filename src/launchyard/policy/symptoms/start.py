"""What our launcher says of a job whose program never ran (`job.cause`)."""

from launchyard.policy.symptom import row

START = (
    row(
        "missing-file",
        "does not exist",
        r"^directory '(?P<path>.{1,400})' does not exist",
        "the directory {path} that it was to run in does not exist",
        "mkdir -p {path} && {rerun}",
    ),
    row(
        "missing-file",
        "is not a directory",
        r"^'(?P<path>.{1,400})' is not a directory",
        "{path}, where it was to run, is not a directory",
        "ls -ld {path}",
    ),
    row(
        "permission",
        "permission denied: you may not enter directory",
        r"permission denied: you may not enter directory '(?P<path>.{1,400})'",
        "permission denied: you may not enter {path}, where it was to run",
        "ls -ld {path}",
    ),
    row(
        "interpreter",
        "its interpreter",
        r"'(?P<script>.{1,400})' cannot be executed: its interpreter '(?P<interpreter>.{1,200})' does not "
        r"exist",
        "bad interpreter: {interpreter}, which the #! line names, does not exist",
        "{other_interpreter}",
    ),
    row(
        "interpreter",
        ("its loader does not exist", "cannot be executed", "Exec format error"),
        r"'(?P<script>.{1,400})' cannot be executed: (?P<text>its loader.{1,100}|it is neither.{1,100}"
        r"|.{0,40}Exec format error)",
        "{script} cannot be executed: {text}",
        "file {script}",
    ),
    row(
        "command-not-found",
        "is a directory, not a command",
        r"'(?P<path>.{1,400})' is a directory, not a command",
        "{path} is a directory, not a command",
        "ls {path}",
    ),
    row(
        "permission",
        "you may not execute",
        r"you may not execute '(?P<path>.{1,400})'",
        "permission denied: {path} may not be executed",
        "chmod +x {path} && {rerun}",
    ),
    row(
        "command-not-found",
        "no command '",
        r"no command '(?P<name>[^']{1,400})'",
        "command not found: no '{name}'{on_path}",
        "{which}",
    ),
    row(
        "arguments",
        "too long",
        r"(?P<text>the arguments and the environment together are too long)",
        "{text}",
        "{rerun} --export NONE",
    ),
    row(
        "disk-full",
        "No space left on device",
        r"'(?P<path>/[^']{1,400})'.{0,40}No space left on device",
        "the disk is full: {path} cannot be written",
        "df -h {path_or_directory}",
    ),
    row(
        "quota",
        "Disk quota exceeded",
        r"Disk quota exceeded",
        "the disk quota is used up",
        "quota -s",
    ),
    row(
        "missing-file",
        ("No such file or directory",),
        r"'(?P<path>[^']{1,400})'.{0,60}No such file or directory",
        "{path} cannot be opened: its directory does not exist",
        "mkdir -p {parent} && {rerun}",
    ),
    row(
        "permission",
        ("ermission denied",),
        r"'(?P<path>[^']{1,400})'.{0,60}[Pp]ermission denied",
        "permission denied: you may not write {path}",
        "ls -ld {parent}",
    ),
)
