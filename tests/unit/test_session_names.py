"""Names of sessions: which are a session's, where one is shown, and whose pages may show it in a frame."""

import pytest

from launchyard.api.login.addresses import portals_of, session_host, session_of_host

WILD = frozenset({"*.yard.example", "yard.example"})


@pytest.mark.parametrize(
    ("name", "session"),
    [
        ("17.localhost", 17),
        ("17.launchyard.localhost", 17),
        ("17.yard.example", 17),
        ("launchyard.localhost", None),
        ("017.localhost", None),
        ("17.evil.localhost", None),
        ("17.launchyard.localhost.evil.example", None),
        ("17.other.example", None),
        ("x.localhost", None),
    ],
)
def test_a_session_is_known_by_its_number_before_a_name_of_ours(name: str, session: int | None) -> None:
    assert session_of_host(name, WILD) == session


@pytest.mark.parametrize(
    ("host", "shown_at"),
    [
        ("127.0.0.1:8265", "{id}.localhost:8265"),
        ("launchyard.localhost:8265", "{id}.launchyard.localhost:8265"),
        ("yard.example", "{id}.yard.example"),
        ("other.example", "{id}.yard.example"),
    ],
)
def test_a_session_is_shown_at_the_site_of_the_portal_where_there_is_one(
    host: str, shown_at: str | None
) -> None:
    assert session_host(host, host.partition(":")[0], WILD) == shown_at


def test_only_the_portal_of_the_same_site_shows_it_in_a_frame() -> None:
    framed = portals_of("http", "17.launchyard.localhost:8265", WILD)
    assert framed == "'self' launchyard.localhost:8265"
