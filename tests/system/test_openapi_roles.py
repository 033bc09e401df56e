"""The OpenAPI document is true for whoever asks: each role, each scope of a token, and nobody known.

Run as root for users made for it: each asks about jobs of their own and of others.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from schemathesis import GenerationMode

from tests.system.person import ADA, LI, Person, served
from tests.system.questions import NODE, Target, asked, prepared

pytestmark = pytest.mark.root

OPERATOR, ADMINISTRATOR = "lytest3", "lytest5"
CONFIG = f"""
listen = "127.0.0.1:0"
[files]
roots = ["/srv/no-files-of-anybody-7c1f"]
[[nodes]]
name = "{NODE}"
cpus = 4
memory = "4GiB"
[[roles]]
name = "operator"
users = ["{OPERATOR}"]
[[roles]]
name = "administrator"
users = ["{ADMINISTRATOR}"]
[[accounts]]
name = "physics"
everyone = true
coordinators = ["{LI}"]
"""
SCOPES = {"read": {"scope": "read"}, "account": {"account": "physics"}}
WHO = ("nobody", "read", "account", ADA, LI, OPERATOR, ADMINISTRATOR)
"""The administrator is last: what is asked then may change the rules."""

Targets = dict[str, Target]


@pytest.fixture(scope="module")
def targets() -> Iterator[Targets]:
    with served(CONFIG) as product:
        people = {name: Person(product, name) for name in (ADA, LI, OPERATOR, ADMINISTRATOR)}
        ended = {name: one.until(one.submit("echo hello"))["id"] for name, one in people.items()}
        product.call("POST", f"/v1/nodes/{NODE}", {"state": "drain", "reason": "questions"})
        made = {name: prepared(product, one, _tokens(one), ended[name]) for name, one in people.items()}
        others = made[ADA].known
        for name in (LI, OPERATOR):
            known = {kind: [*made[name].known[kind], *others[kind]] for kind in others}
            made[name] = replace(made[name], known=known)
        for name, scope in SCOPES.items():
            made[name] = replace(made[ADA], token=_tokens(people[ADA], **scope))
        yield made | {"nobody": replace(made[ADA], token=lambda: "")}


def _tokens(person: Person, **scope: str) -> Callable[[], str]:
    def new() -> str:
        person.renew()  # One's own may have been revoked too.
        made: str = person.call("POST", "/v1/tokens", {"name": "questions", **scope})["token"]
        return made

    return new


@pytest.mark.parametrize("who", WHO)
def test_every_answer_to_each_role_is_one_that_the_document_tells_of(who: str, targets: Targets) -> None:
    questions = asked(targets[who], at_most=0, at_random_each=1, modes=[GenerationMode.POSITIVE])
    assert questions.asked > 100
    assert not questions.findings, "\n\n".join(questions.findings.values())
    assert targets[who].product.running()


@pytest.mark.slow
@pytest.mark.parametrize("who", WHO)
@pytest.mark.timeout(3600)
def test_every_answer_to_very_many_questions_of_each_role_is_one_that_the_document_tells_of(
    who: str, targets: Targets
) -> None:
    questions = asked(targets[who], at_most=40, at_random_each=5)
    assert questions.asked > 2000
    assert not questions.findings, "\n\n".join(questions.findings.values())
    assert targets[who].product.running()
