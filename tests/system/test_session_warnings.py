"""What a session is told beforehand: nobody uses it, its time is over, its node is closed. In short times."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from launchyard.sdk.client import Client
from launchyard.sdk.events import EventStream
from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Json, Product, wait_for
from tests.system.sessionapps import make

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("warnings")
    make(folder / "apps")
    product = Product(folder / "state", f'{DEFAULT_CONFIG}\n[sessions]\napps = ["{folder}/apps"]\n')
    product.module = "tests.system.impatient_daemon"
    product.start()
    yield product
    product.destroy()


class Heard:
    """The events of one session, and what it is now."""

    def __init__(self, product: Product, events: EventStream, **asked: object) -> None:
        self._product = product
        self._events = events
        made = product.call("POST", "/v1/sessions", {"app": "web", **asked})
        self.id = int(made["id"])
        self.what: list[str] = []

    @property
    def now(self) -> Json:
        found: Json = self._product.call("GET", f"/v1/sessions/{self.id}")
        return found

    def until(self, condition: Any, what: str) -> None:
        def there() -> bool:
            told = [one.data for one in self._events.next(0.2) if one.kind == "session"]
            self.what += [str(one["what"]) for one in told if one["id"] == self.id]
            return bool(condition())

        wait_for(there, PATIENCE_S, what)


@contextmanager
def started(product: Product, **asked: object) -> Iterator[Heard]:
    """A session of the app `web`, running."""
    with Client(state=str(product.state)) as client, EventStream(client.transport) as events:
        heard = Heard(product, events, **asked)
        heard.until(lambda: heard.now["state"] == "running", "it runs")
        heard.what.clear()
        yield heard


def test_a_session_that_nobody_uses_is_warned_goes_on_when_it_is_used_and_stops_when_it_is_not(
    product: Product,
) -> None:
    with started(product, idle_stop_s=6) as one:
        one.until(lambda: one.now["idle_stop_at"], "it is warned")
        assert one.what == ["idle"]
        assert "nobody uses it: it is stopped in" in ly(product.state, "session", "list").out

        product.call("GET", f"/session/{one.id}/x")
        one.until(lambda: one.now["idle_stop_at"] is None, "the warning is taken back")
        one.until(lambda: one.now["state"] == "ended", "it is stopped")

        assert one.what[:3] == ["idle"] * 3
        assert one.now["cause"] == "nobody used it for 6 s"
        assert one.now["job"]["state"] == "CANCELLED"


def test_who_works_in_a_session_is_told_that_its_time_is_nearly_over(product: Product) -> None:
    with started(product, time_limit_s=10) as one:
        one.until(lambda: "ending" in one.what, "it is warned")
        assert 0 < one.now["time_left_s"] <= 5
        product.call("POST", f"/v1/sessions/{one.id}/extend", {"by_s": 60})
        one.until(lambda: one.what.count("ending") == 2, "the warning is taken back")
        product.call("POST", f"/v1/jobs/{one.id}/update", {"time_limit_s": 15})
        one.until(lambda: one.now["state"] == "ended", "its time is over")

        assert one.now["cause"].startswith("its time of ")
        assert one.what.count("ending") == 3


def test_who_has_a_session_on_a_node_hears_that_it_is_drained(product: Product) -> None:
    with started(product) as one:
        (node,) = one.now["job"]["nodes"]
        product.call("POST", f"/v1/nodes/{node}", {"state": "drain", "reason": "new disks"})
        one.until(lambda: "node" in one.what, "the event")
        told = f"node {node} is closed for new work (new disks); The web runs on until it ends"
        assert one.now["notice"] == told
        assert told in ly(product.state, "session", "list").out

        product.call("POST", f"/v1/nodes/{node}", {"state": "up"})
        one.until(lambda: one.what.count("node") == 2, "the event that it is open again")
        assert one.now["notice"] is None
        product.call("POST", f"/v1/sessions/{one.id}/stop")
