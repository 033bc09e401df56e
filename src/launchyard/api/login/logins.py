"""All that logging in needs, as long as the application lives."""

from collections.abc import Mapping

from launchyard.api.login.keys import Keys
from launchyard.api.login.links import Codes
from launchyard.api.login.provider import ByLink, Provider
from launchyard.api.login.tries import Tries


class Logins:
    """`links` log browsers in, `crossings` take a browser that is logged in to a session's own name."""

    def __init__(self, secret: bytes, further: Mapping[str, Provider]) -> None:
        self.keys = Keys(secret)
        self.links = Codes("link", "take a new one: ly open")
        self.crossings = Codes("link", "open the session from the portal again")
        self.tries = Tries()
        self.providers: Mapping[str, Provider] = {"link": ByLink(self.links), **further}
