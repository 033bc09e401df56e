"""Compilers, linkers and build tools; the first error is the cause, what follows are its consequences."""

from launchyard.policy.symptom import row

_NEAR = 400

COMPILERS = (
    row(
        "compile",
        ("undefined reference to",),
        r"undefined reference to [`'‘](?P<name>[^'’]{1,200})['’]",
        "the linker does not find {name}: a library or a source file is missing in the call",
        near=_NEAR,
        first=True,
    ),
    row(
        "compile",
        ("cannot find -l", "library not found for -l"),
        r"(?:cannot find -l|library not found for -l)(?P<name>[\w.+-]{1,100})",
        "the linker does not find the library {name}",
        "ldconfig -p | grep lib{name}",
        near=_NEAR,
        first=True,
    ),
    row(
        "compile",
        ("fatal error: ",),
        r"^(?P<where>[^\s:][^:]{0,200}:\d+)(?::\d+)?: fatal error: (?P<path>[^:]{1,200}): No such file",
        "the header {path} that {where} includes is not found",
        near=_NEAR,
        first=True,
    ),
    row(
        "compile",
        (" error: ", "): error"),
        r"^(?P<where>[^\s:()][^:()]{0,200}(?::\d+"
        r"|\(\d+\)))(?::\d+)?: (?:fatal )?error(?: \w+)?: (?P<text>.{1,300})",
        "{where}: {text}",
        near=_NEAR,
        first=True,
    ),
    row(
        "compile",
        ("error[E", "error: "),
        r"^error(?:\[E\d+\])?: (?P<text>(?!unrecognized arguments).{1,300})",
        "{text}",
        near=_NEAR,
        first=True,
    ),
    row(
        "compile",
        ("CMake Error",),
        r"^CMake Error(?: at (?P<where>[^\s(]{1,200}).{0,100}|: (?P<text>.{1,300}))",
        "CMake stopped{at_where}: {text}{next_if_where}",
        near=_NEAR,
        first=True,
    ),
    row(
        "compile",
        ("*** missing separator", "*** multiple target", "*** unterminated"),
        r"^(?P<where>[^\s:]{1,200}:\d+): \*\*\* (?P<text>.{1,200})",
        "{where}: {text}",
        near=_NEAR,
        first=True,
    ),
)
