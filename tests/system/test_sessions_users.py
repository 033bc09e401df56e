"""Sessions of two users of one machine: those of one are nobody else's (threats 9, 10, 18, 28, 46)."""

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.model.session import place
from tests.system.product import Json, Product, wait_for
from tests.system.sessionapps import WORD, app
from tests.system.test_two_users import ADA, LI, as_user, asked, served

__all__ = ["served"]

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as two users"),
]


@pytest.fixture
def own_app(served: Product) -> Iterator[str]:
    """An app in the home of ada, for ada alone."""
    from_passwd = pwd.getpwnam(ADA)
    folder = Path(from_passwd.pw_dir) / ".config" / "launchyard"
    made = not folder.parent.exists()
    app(folder / "apps", "mine-of-ada", "exec sleep 600\n", form=WORD)
    toml = folder / "apps" / "mine-of-ada" / "app.toml"
    toml.write_text(toml.read_text().replace("[open]", '[open]\nspeaks = "terminal"'))
    top = folder.parent if made else folder
    for path in (top, *top.rglob("*")):
        os.chown(path, from_passwd.pw_uid, from_passwd.pw_gid)
    yield "mine-of-ada"
    shutil.rmtree(folder / "apps" / "mine-of-ada")


def running(product: Product, user: str, app: str) -> Json:
    status, made = asked(product, user, "POST", "/v1/sessions", {"app": app})
    assert status == 201, made

    def there() -> Json | None:
        _, now = asked(product, user, "GET", f"/v1/sessions/{made['id']}")
        return now if now["state"] == "running" else None

    return wait_for(there, 60, "it runs", 0.1)


def names(product: Product, user: str) -> list[Any]:
    return [one["name"] for one in asked(product, user, "GET", "/v1/apps")[1]["apps"]]


def test_an_app_in_a_home_directory_is_its_users_alone(served: Product, own_app: str) -> None:
    assert own_app in names(served, ADA)
    assert own_app not in names(served, LI)
    assert asked(served, LI, "POST", "/v1/sessions", {"app": own_app})[0] == 404


def test_a_session_of_another_user_is_not_there_whatever_is_asked(served: Product, own_app: str) -> None:
    session = running(served, ADA, own_app)
    number, launch = session["id"], session["job"]["log_path"].rpartition("-")[2].removesuffix(".log")

    told = {"launch_id": launch, "what": "answers", "secret": "mine", "port": 22}
    answers = [
        asked(served, LI, "GET", f"/v1/sessions/{number}"),
        asked(served, LI, "POST", f"/v1/sessions/{number}/told", told),
        asked(served, LI, "POST", f"/v1/sessions/{number}/stop"),
        asked(served, LI, "POST", f"/v1/sessions/{number}/extend", {"by_s": 60}),
        asked(served, LI, "POST", f"/v1/sessions/{number}/share", {"users": [LI]}),
        asked(served, LI, "POST", f"/v1/sessions/{number}/relaunch", {}),
        asked(served, LI, "DELETE", f"/v1/sessions/{number}"),
    ]

    nothing = f"no session {number}, or it is not yours"
    assert {(status, said["detail"]) for status, said in answers} == {(404, nothing)}
    assert asked(served, LI, "GET", "/v1/sessions")[1] == {"sessions": []}
    folder = place(str(served.state), launch)
    assert as_user(LI, "ls", folder) != 0
    assert as_user(LI, "cat", f"{folder}/secret") != 0
    assert as_user(ADA, "cat", f"{folder}/secret") == 0
    asked(served, ADA, "POST", f"/v1/sessions/{number}/stop")


def test_whom_it_is_shared_with_sees_it_and_none_of_its_settings(served: Product, own_app: str) -> None:
    session = running(served, ADA, own_app)
    path = f"/v1/sessions/{session['id']}"

    wrong = asked(served, ADA, "POST", f"{path}/share", {"users": ["nobody-of-this-name"]})
    shared = asked(served, ADA, "POST", f"{path}/share", {"users": [LI]})
    status, seen = asked(served, LI, "GET", path)

    assert wrong[0] == 400
    assert 'there is no user "nobody-of-this-name"' in wrong[1]["detail"]
    assert (shared[0], status) == (200, 200), (shared, seen)
    assert (seen["owner"], seen["sharers"]) == (ADA, [LI])
    assert (seen["values"], seen["settings"], seen["last_lines"]) == ({}, {}, [])
    assert seen["job"]["command"] is None
    assert asked(served, LI, "POST", f"{path}/stop")[0] == 404
    asked(served, ADA, "POST", f"{path}/stop")
