"""One row of tokens over the reports of many launchers, each of which numbers its own. Pure."""

Origin = tuple[str, str]
"""A node and the epoch of its launcher."""


class Tokens:
    """The same record has the same token however often it is repeated."""

    def __init__(self) -> None:
        self._last = 0
        self._of: dict[Origin, dict[int, int]] = {}
        """Token by the launcher's own number, in rising order of both."""

    def give(self, origin: Origin, number: int) -> int:
        """The token of a launcher's record."""
        of = self._of.setdefault(origin, {})
        if number not in of:
            self._last += 1
            of[number] = self._last
        return of[number]

    def acknowledge(self, token: int) -> list[tuple[Origin, int]]:
        """Up to which number each launcher may forget, of those that have something to forget."""
        found = []
        for origin, of in self._of.items():
            done = [number for number, given in of.items() if given <= token]
            if done:
                found.append((origin, max(done)))
                for number in done:
                    del of[number]
        return found

    def forget(self, node: str) -> None:
        """The node is gone; what it would repeat is not waited for."""
        for origin in [one for one in self._of if one[0] == node]:
            del self._of[origin]
