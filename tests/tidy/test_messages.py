"""Every kind of message is in the catalogue: what it means, what to do, and a command that there is."""

import click
import pytest

from launchyard.api.answers import problem_json
from launchyard.cli.main import ly
from launchyard.engine.files import _SENTENCES
from launchyard.engine.slurm.words import _REASONS
from launchyard.model.errors import Conflict, Infeasible
from launchyard.model.refusals import REFUSALS
from launchyard.policy.causes import CAUSES
from launchyard.policy.limits import _KINDS, _MINUTES
from launchyard.policy.waits import WAITS
from tests.tidy.messages import codes, typed

LIMITS = {kind.code for kind in _KINDS} | {code for code, _ in _MINUTES} | {"limit-waiting", "limit-time"}
GONE = {"no-partition", "no-account", "no-qos"}
"""Written as `no-{what}` in policy/access.py."""
SLURMS = {code for code, _ in _REASONS.values()} | {"starting", "limit", "engine"}
FILES = {code for _, code, _ in _SENTENCES.values()}


def test_every_refusal_stands_in_the_catalogue() -> None:
    found, _ = codes()
    of_causes = {"starting", "limit", "engine"}  # assigned to `code` as words of Slurm's, which are reasons
    wanted = (found | LIMITS | FILES) - of_causes - _ends()
    assert wanted - set(REFUSALS) == set(), "add these to model/refusals.py, then `make docs`"
    assert set(REFUSALS) - wanted == set(), "nothing has these codes any more"


def test_every_reason_to_wait_stands_in_the_catalogue() -> None:
    _, found = codes()
    wanted = (found | LIMITS | SLURMS | GONE) - {"no-"}
    assert wanted - set(WAITS) == set(), "add these to policy/waits.py, then `make docs`"
    assert set(WAITS) - wanted == set(), "nothing has these codes any more"


def _ends() -> set[str]:
    """What is assigned to a `code` of why a job ended, and is no refusal too."""
    return set(CAUSES) - set(REFUSALS)


@pytest.mark.parametrize("table", [REFUSALS, WAITS], ids=["refusals", "waits"])
def test_every_entry_says_what_to_do_by_a_command_that_there_is(table: dict[str, object]) -> None:
    for code, entry in (REFUSALS if table is REFUSALS else WAITS).items():
        assert entry.meaning.endswith("."), code
        assert entry.help.endswith("."), code
    for code, words in typed(REFUSALS if table is REFUSALS else WAITS):
        if words[0] == "ly":
            assert _parses(words[1:]), f"{code}: {' '.join(words)}"


def _parses(words: list[str]) -> bool:
    """As far as `ly` itself looks at them before anything is done."""
    command: click.Command = ly
    context = click.Context(ly, info_name="ly")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        _, following, words = command.resolve_command(context, words)
        assert following is not None
        command, context = following, click.Context(following, parent=context)
    if words != ["--help"]:
        command.make_context(command.name, words, parent=context.parent)
    return True


def test_a_problem_leads_to_what_is_said_of_its_kind() -> None:
    assert problem_json(Infeasible("no", code="no-qos"))["type"] == "/v1/errors/no-qos"
    assert problem_json(Infeasible("no", code="form:mem"))["type"] == "/v1/errors/form"
    assert problem_json(Conflict("no", code="not-of-ours"))["type"] == "about:blank"
