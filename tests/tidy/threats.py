"""What attackers have done to systems of this kind, what holds against it here, and the tests that try.

A test says in its docstring (`Threat 21: ...`) or by its name (`test_threat_12_...`) which of these it tries.
"""

import ast
import re
from collections.abc import Iterator

from tests.tidy.catalogue import page, tests_by_number
from tests.tidy.source import Source, functions

THREATS = {
    1: (
        "An API without authentication",
        "every route but login, health and the page's files needs a credential",
    ),
    2: ("DNS rebinding", "names of this server are a list; every other is refused"),
    3: ("Requests forged by another site", "a write by cookie needs the login's token and our own origin"),
    4: ("Another site's WebSocket", "credential, origin and host are checked before it opens"),
    5: ("The proxy made to ask elsewhere", "only a live session names where a request goes"),
    6: (
        "A port that somebody else took over",
        "the way is bound to launch, owner and secret, and ends with it",
    ),
    7: ("Our credentials in the hands of an app", "none passes to an app, and an app sets none of ours"),
    8: ("An app's page that acts in the portal", "each session has an origin of its own, or a sandbox"),
    9: ("Sessions of others", "its owner and those named may open it, administrators neither"),
    10: ("Jobs of others", "who may is asked of the job itself; what is not yours is not there"),
    11: ("Rights claimed in a request", "who asks is what the credential or the kernel says"),
    12: (
        "A job with wrong ids",
        "groups, then group, then user, then no new privileges; looked at before it runs",
    ),
    13: ("A user's variables in root's code", "they are set by the last step, in the job itself"),
    14: ("Variables of the daemon in a job", "a job's environment is made anew"),
    15: ("Secrets in arguments, logs and addresses", "in files of mode 0600; addresses hold codes good once"),
    16: ("Output through a link into a foreign file", "opened with the rights of the user"),
    17: ("Directories that are swapped meanwhile", "opened once, gone on from there"),
    18: ("A directory that somebody prepared", "owner, mode and kind are looked at; else it is refused"),
    19: ("Archives that lead outside", "each member is checked before anything is written"),
    20: ("Archives that burst", "bytes, members, depth and ratio are bounded"),
    21: ("Paths that lead out of a folder", "the kernel resolves them below the folders that are allowed"),
    22: (
        "A swap between looking and reading",
        "what is packed is read by the user's process, through open folders",
    ),
    23: ("Names that are script", "escaped everywhere, and no script runs that is not ours"),
    24: ("Content that is active", "downloaded, or shown as text; its kind is never guessed"),
    25: ("Control characters in names and logs", "told apart on terminals and in the daemon's log"),
    26: ("SQL in a filter", "values are parameters, columns a list"),
    27: ("Shell in a value", "arguments are lists, and quoted where a script is made"),
    28: ("Nearly the right id or token", "compared whole; a token of one is useless for another's"),
    29: ("Secrets that come along or are weak", "made at the first start; weak ones are refused"),
    30: ("What outlives a logout", "revoking ends streams, WebSockets and sessions' pages at once"),
    31: ("Tokens that can be read in the database", "only their hashes are there"),
    32: ("Guessing at the login", "counted by address and user, one answer for all"),
    33: ("Claims at the local socket", "the kernel says who it is"),
    34: ("Daemons of other nodes that trust anyone", "each side shows that it knows the cluster's key"),
    35: ("An old order to start, sent again", "an id of a launch is used once, and kept on the node"),
    36: ("Signals to a number that was used again", "processes are held by descriptor, group and start time"),
    37: ("Processes that escape their job", "its control group is killed until nothing is left"),
    38: ("A bomb of processes", "so many as the job may have"),
    39: ("A bomb of memory", "the limit ends it, and is the reason that is told"),
    40: ("A flood of output", "capped, and the cap is told"),
    41: ("An array of a thousand million", "one job; what is not there costs nothing"),
    42: ("Expressions that take for ever", "parsers are linear"),
    43: ("A request that two readers read in two ways", "one parser, which refuses what is ambiguous"),
    44: ("Line breaks in headers, links to elsewhere", "refused; a link leads to a page of ours"),
    45: ("Errors that tell too much", "no traceback, path or query; the log has them"),
    46: (
        "Apps with weak or constant passwords",
        "a new random secret for each launch, or a socket of the user's",
    ),
    47: ("Logs and scripts of others on disk", "files of their user, in folders that only root changes"),
    48: ("Configuration that others may write", "not read"),
}
HEAD = """# Threats and the tests that try them

<!-- Made by `make docs` from tests/tidy/threats.py and the docstrings of tests; change those. -->

Each of these has happened to a system of this kind. The tests attack; `pytest` takes their names as they
stand here.
"""


def tried() -> dict[int, list[str]]:
    """By threat, `file::test` of those that try it."""
    return tests_by_number(THREATS, _tries)


def _tries(source: Source) -> Iterator[tuple[int, str]]:
    if "hreat" not in source.text:
        return
    for name, function in functions(source):
        said = re.findall(r"\b[Tt]hreats? ([\d, and]+)", ast.get_docstring(function) or "")
        said += re.findall(r"^test_threat_(\d+)_", name)
        for number in dict.fromkeys(int(one) for text in said for one in re.findall(r"\d+", text)):
            yield number, f"{source.name}::{name}"


def threats_page() -> str:
    """docs/reference/threats.md"""
    return page(HEAD, THREATS, tried())
