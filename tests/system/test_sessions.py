"""Sessions through the front door of a real server: they come up, are reached, and end.

What they say when they fail is in tests/browser/test_session_faults.py, as it is the same on their cards.
"""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from launchyard.sdk.client import Client
from launchyard.sdk.events import EventStream
from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Json, Product, Refused, UnixConnection, wait_for
from tests.system.sessionapps import make


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("sessions")
    make(folder / "apps")
    config = f'{DEFAULT_CONFIG}\n[sessions]\napps = ["{folder}/apps"]\n'
    product = Product(folder / "state", config)
    product.start()
    yield product
    product.destroy()


def start(product: Product, app: str, **fields: Any) -> Json:
    found: Json = product.call("POST", "/v1/sessions", {"app": app, **fields})
    return found


def session(product: Product, number: int) -> Json:
    found: Json = product.call("GET", f"/v1/sessions/{number}")
    return found


def until(product: Product, number: int, *states: str) -> Json:
    def there() -> Json | None:
        found = session(product, number)
        return found if found["state"] in states else None

    return wait_for(there, PATIENCE_S, f"session {number} in {states}")


def answer(product: Product, word: str) -> str:
    """What one of the running apps says whose form has this word."""
    for path in (product.state / "tmp").glob("*/s/app.sock"):
        connection = UnixConnection(path)
        connection.request("GET", "/x")
        said = connection.getresponse().read().decode()
        if said.endswith(word):
            return said
    return ""


def test_a_session_runs_once_its_app_answers_and_its_values_reach_it(product: Product) -> None:
    made = start(product, "web", values={"word": "moin"}, name="mine")

    found = until(product, made["id"], "running")

    assert answer(product, "moin") == "/x moin"
    assert found["url"] == f"/session/{made['id']}/"
    assert [tick["state"] for tick in found["steps"]] == ["done", "skipped", "done", "done"]
    assert found["values"] == {"word": "moin", "count": 1}
    assert found["job"]["kind"] == "session"
    assert found["time_left_s"] > 3000
    stopped = product.call("POST", f"/v1/sessions/{made['id']}/stop")
    assert stopped["state"] in ("stopping", "ended")
    ended = until(product, made["id"], "ended")
    assert ended["cause"].startswith("cancelled by ")


def test_a_server_that_was_killed_knows_its_sessions_again(product: Product) -> None:
    made = start(product, "web")
    until(product, made["id"], "running")

    product.kill()
    product.start()

    found = until(product, made["id"], "running")
    assert found["answered_at"] is not None
    product.call("POST", f"/v1/sessions/{made['id']}/stop")
    until(product, made["id"], "ended")


def test_a_card_stays_until_it_is_deleted_and_the_job_stays_for_accounting(product: Product) -> None:
    made = start(product, "gone", name="card")
    until(product, made["id"], "failed")
    listed = [one["id"] for one in product.call("GET", "/v1/sessions")["sessions"]]

    product.call("DELETE", f"/v1/sessions/{made['id']}")

    after = [one["id"] for one in product.call("GET", "/v1/sessions")["sessions"]]
    assert made["id"] in listed
    assert made["id"] not in after
    assert product.job(made["id"])["state"] == "FAILED"


def test_a_live_session_is_not_deleted(product: Product) -> None:
    made = start(product, "web")

    with pytest.raises(Refused, match="end it first"):
        product.call("DELETE", f"/v1/sessions/{made['id']}")
    product.call("POST", f"/v1/sessions/{made['id']}/stop")
    until(product, made["id"], "ended")


def test_a_session_is_relaunched_as_it_was_but_for_what_is_named(product: Product) -> None:
    first = start(product, "web", values={"word": "one"}, name="again", time_limit_s=1800)
    product.call("POST", f"/v1/sessions/{first['id']}/stop")
    until(product, first["id"], "ended")

    body = {"values": {"count": 3}, "resources": {"memory_mib": 256}, "delete": True}
    second = product.call("POST", f"/v1/sessions/{first['id']}/relaunch", body)

    assert second["id"] != first["id"]
    assert second["name"] == "again"
    assert second["values"] == {"word": "one", "count": 3}
    assert second["job"]["resources"]["memory_mib"] == 256
    assert second["job"]["time_limit_s"] == 1800
    assert session(product, first["id"])["deleted"]
    product.call("POST", f"/v1/sessions/{second['id']}/stop")
    last = next(one for one in product.call("GET", "/v1/apps")["apps"] if one["name"] == "web")["last"]
    assert last["values"] == {"word": "one", "count": 3}


def test_a_running_session_gets_more_time(product: Product) -> None:
    made = start(product, "web")
    found = until(product, made["id"], "running")

    longer = product.call("POST", f"/v1/sessions/{made['id']}/extend", {"by_s": 1800})

    assert longer["job"]["time_limit_s"] == found["job"]["time_limit_s"] + 1800
    assert longer["time_left_s"] > found["time_left_s"] + 1700
    with pytest.raises(Refused, match="cannot be extended"):
        product.call("POST", f"/v1/sessions/{made['id']}/extend", {"by_s": 13 * 3600})
    product.call("POST", f"/v1/sessions/{made['id']}/stop")
    until(product, made["id"], "ended")


def test_a_new_app_is_there_without_a_restart_and_a_broken_one_says_why(product: Product) -> None:
    folder = product.state.parent / "apps"
    shutil.copytree(folder / "web", folder / "fresh")
    (folder / "broken").mkdir()
    (folder / "broken" / "app.toml").write_text('title = "Broken"\ntitel = 1\n')
    (folder / "broken" / "start.sh").write_text("")

    apps = {one["name"]: one for one in product.call("GET", "/v1/apps")["apps"]}

    assert apps["fresh"]["unavailable"] is None
    assert "unknown key 'titel'" in apps["broken"]["unavailable"]
    with pytest.raises(Refused, match="cannot be started"):
        start(product, "broken")


def test_the_command_line_starts_waits_lists_and_stops(product: Product) -> None:
    made = ly(product.state, "session", "start", "web", "--wait", "-q", "--mem", "130M", "--time", "30m")
    listed = ly(product.state, "session", "list")
    stopped = ly(product.state, "session", "stop", made.out.strip())
    failed = ly(product.state, "session", "start", "gone", "--wait")

    assert made.code == 0
    assert "running" in listed.out
    assert f"ly session open {made.out.strip()}" in listed.out
    assert stopped.code == 0
    assert failed.code == 1
    assert "The gone ended with exit code 3 before it answered\n  the last words\n" in failed.err


def test_what_a_session_was_asked_for_with_is_kept_under_a_name(product: Product) -> None:
    made = start(product, "web", values={"word": "kept"}, resources={"memory_mib": 140})
    product.call("POST", f"/v1/sessions/{made['id']}/stop")
    until(product, made["id"], "ended")

    saved = ly(product.state, "session", "save", str(made["id"]), "my own")
    product.call("DELETE", f"/v1/sessions/{made['id']}")
    again = ly(product.state, "session", "start", "web", "--like", "my own", "--set", "count=2", "-q")
    wrong = ly(product.state, "session", "start", "web", "--like", "other")

    how = "ly session start web --like 'my own'"
    assert saved.out == f"What session {made['id']} was asked for with is kept: {how}\n"
    assert made["id"] not in [one["id"] for one in product.call("GET", "/v1/sessions")["sessions"]]
    found = session(product, int(again.out))
    assert found["values"] == {"word": "kept", "count": 2}
    assert found["job"]["resources"]["memory_mib"] == 140
    assert wrong.err == "ly: nothing of web is kept as other; there is: my own\n"
    product.call("POST", f"/v1/sessions/{found['id']}/stop")


def test_a_move_of_a_session_is_an_event_of_its_own(product: Product) -> None:
    with Client(state=str(product.state)) as client, EventStream(client.transport) as events:
        made = start(product, "gone")
        heard: list[Any] = []

        def failed() -> bool:
            heard.extend(one.data for one in events.next(5.0) if one.kind == "session")
            return any(one["id"] == made["id"] and one["state"] == "failed" for one in heard)

        wait_for(failed, PATIENCE_S, "the event of its failure")

    states = [one["state"] for one in heard if one["id"] == made["id"] and one["what"] == "state"]
    assert states[0] == "queued"
    assert states[-1] == "failed"


def test_a_session_that_is_rerun_comes_again_as_a_session(product: Product) -> None:
    made = start(product, "gone")
    until(product, made["id"], "failed")

    again = ly(product.state, "rerun", str(made["id"]), "--mem", "150M", "-q")

    found = session(product, int(again.out))
    assert found["app"] == "gone"
    assert found["job"]["resources"]["memory_mib"] == 150
    until(product, found["id"], "failed")
