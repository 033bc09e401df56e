"""Programming languages: what Python's exceptions mean, and how R, Julia, Java, Node.js and others fail."""

from launchyard.policy.symptom import row

_NEAR = 200

RAY = (
    row(
        "ray",
        "and its environment has no ray",
        r"the job asked for Ray, and its environment has no ray",
        "the job asked for Ray, and its environment has no ray; add it: --pip 'ray[default]'",
        "{rerun} --pip 'ray[default]'",
        near=_NEAR,
    ),
    row(
        "ray",
        "Could not find any running Ray instance",
        r"Could not find any running Ray instance",
        "the program looks for a Ray cluster, and this job has none; --ray starts one for it",
        "{rerun} --ray",
        near=_NEAR,
    ),
)

EXCEPTIONS = (
    *RAY,
    row(
        "killed",
        ("terminated abruptly", "ProcessExitedException"),
        r"process pool was terminated abruptly"
        r"|ProcessExitedException: process \d+ terminated with signal SIGKILL",
        "killed: a worker process was ended by SIGKILL, as when memory is full",
        "{more_memory}",
    ),
    row(
        "missing-module",
        ("No module named",),
        r"No module named '?(?P<name>[\w.]{1,200})",
        "No module named '{name}'",
        "{pip_install}",
    ),
    row(
        "missing-module",
        ("ImportError: cannot import name",),
        r"^ImportError: (?P<text>cannot import name '(?P<symbol>\w{1,100})' from (?:partially initialized "
        r"module )?'(?P<name>[\w.]{1,200})')",
        "{text}: another version of {name} than the program was written for, or a file of the same name",
        "{pip_upgrade}",
    ),
    row(
        "missing-file",
        ("unable to open file: name = ",),
        r"unable to open file: name = '(?P<path>[^']{1,300})', errno = 2\b",
        "no such file: {path}{in_directory}",
        "{look}",
    ),
    row(
        "missing-file",
        ("FileNotFoundError", "NotADirectoryError", "[Errno 2]", "does not exist"),
        r"(?:No such file or directory|Not a directory): b?['\"](?P<path>[^'\"]{1,300})['\"]"
        r"|FileNotFoundError:.{0,60}['\"](?P<file>[^'\"]{1,300})['\"]"
        r"|^FileNotFoundError: (?:.{0,80}: )?(?P<name>\S{1,300})",
        "no such file: {path}{file}{name}{in_directory}",
        "{look}",
    ),
    row(
        "permission",
        ("PermissionError", "[Errno 13]"),
        r"Permission denied: b?['\"](?P<path>[^'\"]{1,300})['\"]",
        "permission denied: {path} may not be read or written",
        "ls -ld {path}",
    ),
    row(
        "permission",
        "PermissionError",
        r"^PermissionError: (?P<text>.{1,200})",
        "{text}",
    ),
    row(
        "disk-full",
        "[Errno 30]",
        r"\[Errno 30\] Read-only file system(?:: ['\"](?P<path>[^'\"]{1,300})['\"])?",
        "the file system is read-only{to_path}",
        "df -h {path_or_directory}",
    ),
    row(
        "environment",
        ("DISPLAY", "display"),
        r"no \$DISPLAY environment variable|couldn't connect to display|[Cc]annot connect to X server",
        "there is no display: a job has no screen",
        "MPLBACKEND=Agg {rerun}",
    ),
    row(
        "network",
        ("HTTPError",),
        r"HTTPError: (?:HTTP Error )?(?P<number>\d{3})(?P<text>.{0,200})",
        "a web server answered {number}{text}",
    ),
    row("signal", "KeyboardInterrupt", r"^KeyboardInterrupt", "was ended by SIGINT, as by Ctrl-C", "{rerun}"),
    row(
        "missing-file",
        "unable to open database file",
        r"unable to open database file",
        "no such file or directory for a database, or it may not be written",
    ),
    row(
        "assertion",
        "AssertionError",
        r"^(?:[\w.]+\.)?AssertionError(?:: (?P<text>.{1,300}))?$",
        "an assertion does not hold{at_place}: {text}",
    ),
    row(
        "syntax-error",
        ("SyntaxError", "IndentationError", "TabError"),
        r"^(?:SyntaxError|IndentationError|TabError): (?P<text>.{1,300})",
        "{place_of_syntax}{text}",
        "{check_python}",
    ),
    row(
        "license",
        "icense",
        r"(?P<text>No \w{1,40} license found|[^:]*\b[Ll]icense\b.{0,40}\b(?:expired|not found|failed|denied"
        r"|unavailable|No license"
        r"|checkout|limit|too large).{0,120})",
        "{text}",
        "{rerun} --begin now+1hour",
    ),
)

LANGUAGES = (
    *RAY,
    row(
        "missing-module",
        ("No module named",),
        r"(?:^|: )No module named '?(?P<name>[\w.]{1,200})"
        r"|ModuleNotFoundError: No module named '(?P<module>[\w.]{1,200})'",
        "No module named '{name}{module}'",
        "{pip_install}",
        near=_NEAR,
    ),
    row(
        "missing-module",
        ("No matching distribution found for",),
        r"No matching distribution found for (?P<package>[\w.-]{1,100})",
        "pip finds no package '{package}' that fits this Python",
        near=_NEAR,
    ),
    row(
        "missing-module",
        ("there is no package called",),
        r"there is no package called [‘'\"](?P<name>[\w.]{1,100})[’'\"]",
        "there is no R package '{name}'",
        "Rscript -e 'install.packages(\"{name}\")'",
        near=_NEAR,
    ),
    row(
        "missing-module",
        ("not found in current path",),
        r"Package (?P<name>\w{1,100}) not found in current path",
        "there is no Julia package '{name}'",
        "julia -e 'using Pkg; Pkg.add(\"{name}\")'",
        near=_NEAR,
    ),
    row(
        "missing-module",
        ("Cannot find module", "Cannot find package"),
        r"Cannot find (?:module|package) '(?P<name>(?!\.{0,2}/)[\w@./-]{1,200})'",
        "Node.js has no module '{name}'",
        "npm install {name}",
        near=_NEAR,
    ),
    row(
        "missing-file",
        ("Cannot find module",),
        r"Cannot find module '(?P<path>\.{0,2}/[^']{1,300})'",
        "no such file: {path}",
        "{look}",
        near=_NEAR,
    ),
    row(
        "missing-module",
        ("in @INC (you may need to install the",),
        r"in @INC \(you may need to install the (?P<name>[\w:]{1,100}) module\)",
        "Perl has no module {name}",
        "cpan {name}",
        near=_NEAR,
    ),
    row(
        "missing-file",
        ("Can't locate",),
        r"^Can't locate (?P<path>\S{1,200}) in @INC",
        "Perl does not find {path}",
        near=_NEAR,
    ),
    row(
        "missing-file",
        ("Unable to access jarfile", "Can't open perl script"),
        r"Unable to access jarfile (?P<path>.{1,300})$|Can't open perl script \"(?P<file>[^\"]{1,300})\"",
        "no such file: {path}{file}{in_directory}",
        "{look}",
        near=_NEAR,
    ),
    row(
        "missing-module",
        ("ClassNotFoundException", "NoClassDefFoundError", "Could not find or load main class"),
        r"Could not find or load main class (?P<main>\S{1,200})|(?:ClassNotFoundException"
        r"|NoClassDefFoundError): (?P<name>[\w./$]{1,200})",
        "Java does not find the class {main}{name} on its class path",
        near=_NEAR,
        first=True,
    ),
    row(
        "environment",
        ("UnsupportedClassVersionError",),
        r"UnsupportedClassVersionError: (?P<text>\S{1,200})",
        "{text} was compiled for a newer Java than the one that runs here",
        "java -version",
        near=_NEAR,
    ),
    row(
        "missing-file",
        ("ENOENT", "FileNotFoundException", "opening file", "cannot open file"),
        r"ENOENT: no such file or directory, \w+ '(?P<path>[^']{1,300})'"
        r"|FileNotFoundException: (?P<file>.{1,300}) \(No such file or directory\)"
        r"|opening file \"(?P<name>[^\"]{1,300})\": No such file"
        r"|cannot open file '(?P<table>[^']{1,300})': No such file",
        "no such file: {path}{file}{name}{table}{in_directory}",
        "{look}",
        near=_NEAR,
    ),
    row(
        "permission",
        ("EACCES", "EPERM"),
        r"(?:EACCES: permission denied|EPERM: operation not permitted), \w+ '(?P<path>[^']{1,300})'",
        "permission denied: {path} may not be read or written",
        "ls -ld {path}",
        near=_NEAR,
    ),
    row(
        "port-in-use",
        ("EADDRINUSE",),
        r"EADDRINUSE:?.{0,60}?:(?P<port>\d{1,5})\b",
        "port {port} is in use by another program",
        "ss -ltnp 'sport = :{port}'",
        near=_NEAR,
    ),
    row(
        "assertion",
        ("Assertion ", "ssertion failed"),
        r"(?P<where>[^\s:]{1,200}:\d+): .{0,300}?Assertion [`'‘](?P<text>.{1,300}?)['’] failed",
        "an assertion does not hold at {where}: {text}",
        near=_NEAR,
        first=True,
    ),
    row(
        "assertion",
        ("ssertion",),
        r"(?:^|: )(?:AssertionError|Assertion (?:failed|error)"
        r"|assertion (?:`.{1,100}?` )?failed):? ?(?P<text>.{0,300})",
        "an assertion does not hold: {text}",
        near=_NEAR,
        first=True,
    ),
    row(
        "assertion",
        ("Check failed: ",),
        r"^[A-Z]\d{4}.{1,80}\] Check failed: (?P<text>.{1,300})",
        "a check does not hold: {text}",
        near=_NEAR,
        first=True,
    ),
    row(
        "syntax-error",
        ("SyntaxError: ", "IndentationError: ", "TabError: "),
        r"^(?:SyntaxError|IndentationError|TabError): (?P<text>.{1,300})",
        "{place_of_syntax}{text}",
        "{check_python}",
        near=_NEAR,
    ),
    row(
        "syntax-error",
        ("syntax error at", "unexpected symbol", "ParseError", "unexpected '"),
        r"(?P<text>syntax error at \S{1,200} line \d+.{0,100}|^Error: unexpected .{1,200}"
        r"|ParseError:.{0,200})",
        "{text}",
        near=_NEAR,
    ),
    row(
        "segmentation-fault",
        ("ERROR: AddressSanitizer: SEGV",),
        r"ERROR: AddressSanitizer: SEGV",
        "segmentation fault: it used memory that is not its own",
        near=2000,
        first=True,
    ),
    row(
        "aborted",
        ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer"),
        r"(?:ERROR|WARNING): (?P<name>\w{1,20}Sanitizer): (?P<text>.{1,120}?)(?: on address| on 0x|$)",
        "{name} stopped it: {text}",
        near=2000,
        first=True,
    ),
    row(
        "exception",
        (": runtime error: ",),
        r"^(?P<where>\S{1,200}:\d+):\d+: runtime error: (?P<text>.{1,200})",
        "undefined behaviour at {where}: {text}",
        near=_NEAR,
        first=True,
    ),
    row(
        "exception",
        ("terminate called after throwing",),
        r"terminate called after throwing an instance of '(?P<type>[^']{1,200})'",
        "uncaught C++ exception {type}: {what}",
        near=_NEAR,
    ),
    row(
        "exception",
        ("Exception in thread",),
        r"Exception in thread \"[^\"]{1,100}\" (?P<text>.{1,300})",
        "uncaught Java exception {text}",
        near=2000,
    ),
    row(
        "missing-file",
        ("code: 2, kind: NotFound",),
        r"Os \{ code: 2, kind: NotFound",
        "no such file: a Rust program could not open one",
        near=_NEAR,
    ),
    row(
        "exception",
        ("panicked at",),
        r"panicked at (?:'(?P<text>.{1,300})', (?P<where>\S{1,200}:\d+)|(?P<place>\S{1,200}:\d+):\d+:$)",
        "a Rust program panicked at {where}{place}: {text}{next_if_place}",
        near=_NEAR,
        first=True,
    ),
    row(
        "exception",
        ("panic: ", "fatal error: all goroutines"),
        r"^(?:panic: (?P<text>.{1,300})|(?P<dead>fatal error: all goroutines are asleep.{0,40}))",
        "a Go program panicked: {text}{dead}",
        near=_NEAR,
        first=True,
    ),
    row(
        "exception",
        ("Execution halted", "Error in ", "Error: "),
        r"^Error in (?P<where>.{1,200}?) :(?: (?P<text>.{1,300}))?$",
        "error in {where}: {text}{next_if_bare}",
        near=30,
    ),
    row(
        "exception",
        ("ERROR: LoadError: ", "ERROR: "),
        r"^ERROR: (?:LoadError: )?(?P<text>[A-Z]\w{1,60}(?:Error|Exception)(?:[:(].{0,300})?"
        r"|LoadError: .{1,300})",
        "uncaught Julia exception: {text}",
        near=_NEAR,
    ),
    row(
        "exception",
        ("Fortran runtime error", "forrtl: severe"),
        r"(?:Fortran runtime error: |forrtl: severe )(?P<text>.{1,300})",
        "Fortran run-time error: {text}",
        near=_NEAR,
    ),
    row(
        "aborted",
        (
            "free(): ",
            "double free",
            "malloc(): ",
            "corrupted size",
            "munmap_chunk",
            "smashing",
            "overflow detected",
        ),
        r"^(?P<text>free\(\): .{1,80}|double free or corruption.{0,40}|malloc\(\): .{1,80}"
        r"|corrupted size vs.{1,40}"
        r"|munmap_chunk\(\): .{1,40}|\*\*\* (?:stack smashing|buffer overflow) detected \*\*\*.{0,40})",
        "the program wrote over memory that it does not own: {text}",
        near=_NEAR,
        first=True,
    ),
)

BARE_EXCEPTION = row(
    "exception",
    ("Error",),
    r"^(?:Uncaught )?(?P<text>(?:[A-Za-z_]\w{0,60}\.){0,6}[A-Z]\w{0,60}(?:Error"
    r"|Exception)(?:: .{1,300})?)$",
    "uncaught exception: {text}",
    near=20,
)
"""The last line of a traceback without the rest of it."""

UNKNOWN = (
    row(
        "exception",
        ("Error: ",),
        r"^Error: (?P<text>.{1,300})$",
        "error in R: {text}",
        near=20,
        then="Execution halted",
    ),
    row(
        "exception",
        (" line ",),
        r"^(?P<text>.{1,200} at \S{1,200} line \d{1,9}\.)$",
        "a Perl program died: {text}",
        near=3,
    ),
    BARE_EXCEPTION,
)
