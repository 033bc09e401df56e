"""Shells and the first steps of any program: libraries, commands, interpreters, variables, files, rights."""

from launchyard.policy.symptom import row

_NEAR = 60
_WEAK = 12
_LINE = r"^(?:.{0,200}?: line \d+: |(?:-?\w*sh|.{0,200}?): \d+: |-?\w*sh: )?"
"""How a shell begins a message: `run.sh: line 3: `, `bash: `, `sh: 1: `."""

LIBRARIES = (
    row(
        "library-missing",
        "error while loading shared libraries",
        r"^(?P<program>[^:]{1,300}): error while loading shared libraries: (?P<name>[^:]{1,200}): "
        r"(?P<text>.{1,200})",
        "{program} needs the library {name}, which is not found",
        "ldd {program} | grep 'not found'",
        near=_NEAR,
    ),
    row(
        "library-missing",
        ("cannot open shared object file", "cannot open shared object"),
        r"^(?!.*Could not load dynamic library).*?(?P<name>[\w+.-]{1,120}\.so[\w.]*): cannot open shared "
        r"object",
        "the library {name} is not found",
        "ldconfig -p | grep {library}",
        near=_NEAR,
    ),
    row(
        "library-missing",
        ("' not found (required by", "’ not found (required by"),
        r"version [`'‘](?P<name>[\w.+-]{1,60})['’] not found \(required by (?P<program>[^)]{1,200})\)",
        "{program} needs {name}, which the C library of this machine does not have",
        "ldd --version",
        near=_NEAR,
    ),
    row(
        "library-missing",
        ("undefined symbol:", "symbol lookup error"),
        r"(?P<program>[^\s:]{1,200}): undefined symbol: (?P<name>\w{1,200})",
        "{program} does not fit its libraries: {name} is not there",
        "ldd -r {program}",
        near=_NEAR,
    ),
    row(
        "library-missing",
        ("UnsatisfiedLinkError", "could not load library", "unable to load shared object"),
        r"UnsatisfiedLinkError: (?:no )?(?P<name>[^\s:]{1,200})"
        r"|could not load library \"(?P<library_name>[^\"]{1,200})\""
        r"|unable to load shared object '(?P<object>[^']{1,200})'",
        "the library {name}{library_name}{object} cannot be loaded",
        near=_NEAR,
    ),
)

INTERPRETERS = (
    row(
        "interpreter",
        ("\\r': command not found", "\\r’: No such file", "\\r': No such file"),
        r"(?P<script>[^\s:]{1,300}): line \d+: \$'.{0,60}\\r': command not found",
        "{script} has line ends of Windows",
        "{unix_lines}",
        first=True,
        near=_NEAR,
    ),
    row(
        "interpreter",
        ("\\r': command not found", "\\r’: No such file", "\\r': No such file"),
        r"[‘'](?P<interpreter>[^’'\\]{1,200})\\r[’']",
        "bad interpreter: the #! line ends as on Windows: no interpreter '{interpreter}\\r'",
        "{unix_lines}",
        near=_NEAR,
    ),
    row(
        "interpreter",
        "^M: bad interpreter",
        r"(?P<script>[^\s:]{1,300}): (?P<interpreter>/[^:]{1,200})\^M: bad interpreter",
        "bad interpreter: the #! line of {script} ends as on Windows: no interpreter '{interpreter}^M'",
        "{unix_lines}",
        near=_NEAR,
    ),
    row(
        "interpreter",
        "bad interpreter: /",
        r"(?P<script>[^\s:]{1,300}): bad interpreter: (?P<interpreter>/[^:]{1,200}): (?P<text>.{1,80})",
        "bad interpreter: the #! line of {script} names {interpreter}: {text}",
        "{other_interpreter}",
        near=_NEAR,
    ),
    row(
        "interpreter",
        "bad interpreter",
        r"(?P<script>[^\s:]{1,300}): (?P<interpreter>[^:]{1,200}): bad interpreter: (?P<text>.{1,80})",
        "bad interpreter: the #! line of {script} names {interpreter}: {text}",
        "{other_interpreter}",
        near=_NEAR,
    ),
    row(
        "interpreter",
        "cannot execute: required file not found",
        r"(?P<script>[^\s:]{1,300}): cannot execute: required file not found",
        "bad interpreter: what the #! line of {script} names does not exist",
        "head -n1 {script}",
        near=_NEAR,
    ),
    row(
        "interpreter",
        ("Exec format error", "cannot execute binary file"),
        r"(?P<script>[^\s:]{1,300}): cannot execute binary file"
        r"|[‘'\"](?P<path>[^’'\"]{1,300})[’'\"]?.{0,20}Exec format error"
        r"|Exec format error",
        "{script}{path} is no program for this machine, or a script without a #! line",
        "file {script}{path}",
        near=_NEAR,
    ),
)

COMMANDS = (
    row(
        "module-not-loaded",
        (": command not found", "not found"),
        _LINE + r"(?P<name>module|ml|conda|mamba|micromamba|spack): (?:command )?not found$",
        "no command '{name}': a batch script is no login shell, so it was not set up",
        "{login_shell}",
        near=_NEAR,
    ),
    row(
        "command-not-found",
        (": command not found",),
        _LINE + r"(?P<name>[^\s:]{1,200}): command not found$",
        "command not found: no '{name}'{on_path}",
        "{which}",
        near=_NEAR,
    ),
    row(
        "command-not-found",
        ("command not found: ", "Unknown command: ", "Unknown command "),
        r"(?:command not found: |^fish: Unknown command:? )(?P<name>[^\s:]{1,200})$",
        "command not found: no '{name}'{on_path}",
        "{which}",
        near=_NEAR,
    ),
    row(
        "command-not-found",
        ": not found",
        r"^(?:.{1,300}?: \d+: |\w*sh: )(?:exec: )?(?P<name>[^\s:]{1,200}): not found$",
        "command not found: no '{name}'{on_path}, or its #! line names none",
        "{which}",
        near=_NEAR,
    ),
    row(
        "command-not-found",
        ("executable file not found in $PATH",),
        r"\"(?P<name>[^\s\"]{1,200})\": executable file not found in \$PATH",
        "command not found: no '{name}'{on_path}",
        "{which}",
        near=_NEAR,
    ),
    row(
        "command-not-found",
        ("No such file or directory",),
        r"(?:^|/)(?:env|nohup|timeout|nice|stdbuf|xargs|setsid|sudo|time|chroot|taskset|numactl): "
        r"(?:failed to (?:run command|execute) "
        r"|cannot run )?[‘'\"]?(?P<name>[^\s‘’'\":]{1,200})[’'\"]?: No such file or directory$",
        "command not found: no '{name}'{on_path}",
        "{which}",
        near=_NEAR,
    ),
    row(
        "command-not-found",
        ("No such file or directory", "execve(): "),
        r"^make(?:\[\d+\])?: (?P<name>[^\s:*]{1,200}): No such file or directory$"
        r"|execve\(\): (?P<program>[^\s:]{1,200}): No such file or directory",
        "command not found: no '{name}{program}'{on_path}",
        "{which}",
        near=_NEAR,
    ),
    row(
        "command-not-found",
        ("unable to find the specified executable", "could not access or execute an executable"),
        r"unable to find the specified executable|could not access or execute an executable",
        "mpirun does not find the program that it is to start",
        near=_NEAR,
    ),
)

DENIED = (
    row(
        "permission",
        ": Permission denied",
        _LINE + r"(?P<path>[^\s:][^:]{0,300}): Permission denied$",
        "permission denied: {path} may not be executed",
        "chmod +x {path}",
        near=_NEAR,
    ),
    row(
        "permission",
        (": Is a directory", ": is a directory"),
        _LINE + r"(?P<path>[^\s:][^:]{0,300}): [Ii]s a directory$",
        "{path} is a directory, not a command",
        "ls {path}",
        near=_NEAR,
    ),
    row(
        "permission",
        "ermission denied",
        r"[‘'\"](?P<path>[^’'\"]{1,300})[’'\"]: Permission denied$",
        "permission denied: {path} may not be executed",
        "chmod +x {path}",
        near=_NEAR,
    ),
)

OF_PATH = (
    row(
        "command-not-found",
        (": No such file or directory", ": no such file or directory: "),
        _LINE + r"(?:(?P<name>[^\s:]{1,300}): No such file or directory"
        r"|no such file or directory: (?P<program>\S{1,300}))$",
        "command not found: no '{name}{program}'",
        "{which}",
        near=_NEAR,
    ),
)

SHELL_127 = (*LIBRARIES, *INTERPRETERS, *COMMANDS, *OF_PATH)
"""Exit code 127: the last command was not found, or what it needs to be started."""
SHELL_126 = (*INTERPRETERS, *DENIED)
"""Exit code 126: the last command was found and may not be executed."""

SETUP = (
    row(
        "interpreter",
        "\\r': command not found",
        r"(?P<script>[^\s:]{1,300}): line \d+: \$'.{0,60}\\r': command not found",
        "{script_name} has line ends of Windows",
        "{unix_lines}",
        first=True,
        near=_NEAR,
    ),
    row(
        "environment",
        ("could not connect to display", "cannot open display", "annot connect to X server"),
        r"could not connect to display|cannot open display|[Cc]annot connect to X server",
        "there is no display: a job has no screen",
        "QT_QPA_PLATFORM=offscreen MPLBACKEND=Agg {rerun}",
        near=_NEAR,
    ),
    row(
        "module-not-loaded",
        ("Unable to locate a modulefile", "module(s) are unknown", "cannot be loaded as requested"),
        r"Unable to locate a modulefile for '(?P<name>[^']{1,100})'"
        r"|module\(s\) (?:are unknown|exist but cannot be loaded as requested): \"(?P<module>[^\"]{1,100})\"",
        "no module '{name}{module}'",
        "module avail",
        near=200,
    ),
    row(
        "module-not-loaded",
        ("Run 'conda init' before", "shell has not been properly configured to use 'conda"),
        r"Run 'conda init' before|shell has not been properly configured to use 'conda",
        "conda is not set up in this shell: a batch script is no login shell",
        'eval "$(conda shell.bash hook)"',
        near=200,
    ),
    row(
        "module-not-loaded",
        ("Could not find conda environment: ", "Not a conda environment: "),
        r"(?:Could not find|Not a) conda environment: (?P<name>.{1,200})",
        "no conda environment {name}",
        "conda env list",
        near=200,
    ),
    row(
        "environment",
        ("unbound variable", "parameter null or not set", "parameter not set"),
        r"(?P<name>[A-Za-z_]\w{0,100}): (?:unbound variable|parameter (?:null or )?not set)$",
        "the variable {name} is not set",
        "{name}=VALUE {rerun}",
        near=_NEAR,
    ),
    row(
        "syntax-error",
        ("yntax error", "unexpected EOF while looking"),
        r"^(?P<script>[^\s:]{1,300}): (?:-c: )?(?:line )?(?P<number>\d+): (?P<text>[Ss]yntax error.{0,200}"
        r"|unexpected EOF while looking.{0,100})",
        "{script_name} line {number}: {text}",
        "{check_script}",
        first=True,
        near=_NEAR,
    ),
)

FILES = (
    row(
        "arguments",
        (": error: ", "Error: "),
        r"^(?P<program>[^\s:]{1,200}): error: (?P<text>(?:unrecognized arguments"
        r"|the following arguments are required"
        r"|ambiguous option|one of the arguments|argument ).{0,300})|^Error: (?P<option>(?:No such option"
        r"|Missing (?:argument"
        r"|option|parameter)|Invalid value for|Got unexpected extra argument).{0,300})",
        "the arguments are wrong: {text}{option}",
        "ly show {id}",
        near=_WEAK,
    ),
    row(
        "arguments",
        ("unrecognized option", "invalid option", "unknown option", "illegal option"),
        r"^(?P<program>[^\s:]{1,200}): (?P<text>(?:unrecognized|invalid|unknown|illegal) option.{0,200})",
        "the arguments are wrong: {program}: {text}",
        "ly show {id}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        "cannot find or open ",
        r"^unzip: .{0,3}cannot find or open (?P<path>[^\s,]{1,300})",
        "no such file: {path}{in_directory}",
        "{look}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        "can't cd to ",
        r"cd: can't cd to (?P<path>.{1,300})$",
        "no such directory: {path}{in_directory}",
        "{look}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        "can't open file",
        r"can't open file [‘'\"](?P<path>[^’'\"]{1,300})[’'\"].{0,20}No such file or directory",
        "no such file: {path}{in_directory}",
        "{look}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        "No rule to make target",
        r"No rule to make target [`'‘](?P<path>[^'’]{1,300})['’]",
        "make has no file and no rule for {path}",
        "{look}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        "no makefile found",
        r"No targets specified and no makefile found",
        "there is no Makefile in {directory}",
        "ls {directory}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        ("No such file or directory",),
        r"[‘'\"](?P<path>[^‘’'\",]{1,300})[’'\"][^/‘’'\"]{0,40}No such file or directory"
        r"|No such file or directory:? ?(?:open )?[‘'\"(](?P<file>[^‘’'\"()]{1,300})",
        "no such file: {path}{file}{in_directory}",
        "{look}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        ("Cannot open: No such file", "annot stat: No such file"),
        r"^\w{1,20}: (?P<path>[^:]{1,300}): [Cc]annot (?:open|stat): No such file or directory",
        "no such file: {path}{in_directory}",
        "{look}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        ("No such file or directory",),
        r"(?:^|[\s:])(?P<path>[^\s:]{0,300}[./_\d][^\s:]{0,300}): No such file or directory",
        "no such file: {path}{in_directory}",
        "{look}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        ("No such file or directory",),
        r"^(?P<text>.{1,300}): No such file or directory",
        "no such file or directory: {text}",
        "ls -la {directory}",
        near=_WEAK,
    ),
    row(
        "permission",
        ("ermission denied",),
        r"[‘'\"](?P<path>[^‘’'\"]{1,300})[’'\"][^/‘’'\"]{0,40}[Pp]ermission denied",
        "permission denied: {path} may not be read or written",
        "ls -ld {path}",
        near=_WEAK,
    ),
    row(
        "permission",
        ("ermission denied",),
        r"[Pp]ermission denied: [‘'\"](?P<path>[^‘’'\"]{1,300})[’'\"]",
        "permission denied: {path} may not be read or written",
        "ls -ld {path}",
        near=_WEAK,
    ),
    row(
        "permission",
        ("Permission denied",),
        _LINE + r"(?:\w{1,20}: )?(?P<path>\.{0,2}/[^:\s]{1,300}): Permission denied$",
        "permission denied: {path} may not be read, written or executed",
        "ls -ld {path}",
        near=_WEAK,
    ),
    row(
        "missing-file",
        ("no such file or directory",),
        r"(?:open|stat|image|read|load|chdir) (?P<path>/?[^\s:]{1,300}): (?:.{1,200}: )?no such file or "
        r"directory"
        r"|^\w{1,20}: no such file or directory: (?P<file>\S{1,300})",
        "no such file: {path}{file}{in_directory}",
        "{look}",
        near=_WEAK,
    ),
    row(
        "permission",
        ("sudo: ",),
        r"^sudo: (?P<text>.{0,100}(?:password is required|not allowed|terminal is required).{0,100})",
        "permission denied: sudo: {text}",
        near=_WEAK,
    ),
    row(
        "permission",
        ("ermission denied", "peration not permitted"),
        r"[Pp]ermission denied|^.{1,200}: Operation not permitted$",
        "permission denied: something may not be read, written or executed",
        near=_WEAK,
    ),
    row(
        "disk-full",
        ("Read-only file system",),
        r"(?:[‘'\"](?P<path>[^‘’'\"]{1,300})[’'\"].{0,20})?Read-only file system",
        "the file system is read-only{to_path}",
        "df -h {path_or_directory}",
        near=_WEAK,
    ),
)
