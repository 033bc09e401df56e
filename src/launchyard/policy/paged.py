"""Values by id, in pages that copies share until one of them changes: to copy costs a step a page."""

from collections.abc import Iterator, MutableMapping
from typing import TypeVar, overload

T = TypeVar("T")
V = TypeVar("V")

PAGE_BITS = 10
"""A page has the ids that differ in so many low bits alone."""


class Paged(MutableMapping[int, V]):
    """As a `dict`, whose `copy` is cheap however many values there are."""

    __slots__ = ("_count", "_own", "_pages")

    def __init__(self) -> None:
        self._pages: dict[int, dict[int, V]] = {}
        self._own: set[int] = set()
        """The pages that no copy has too."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return (key for page in self._pages.values() for key in page)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int) and key in self._pages.get(key >> PAGE_BITS, ())

    def __getitem__(self, key: int) -> V:
        return self._pages[key >> PAGE_BITS][key]

    @overload
    def get(self, key: int, default: None = None, /) -> V | None: ...
    @overload
    def get(self, key: int, default: V | T, /) -> V | T: ...
    def get(self, key: int, default: object = None, /) -> object:
        page = self._pages.get(key >> PAGE_BITS)
        return default if page is None else page.get(key, default)

    def __setitem__(self, key: int, value: V) -> None:
        page = self._page(key >> PAGE_BITS)
        self._count += key not in page
        page[key] = value

    def __delitem__(self, key: int) -> None:
        if key not in self:
            raise KeyError(key)
        number = key >> PAGE_BITS
        page = self._page(number)
        del page[key]
        self._count -= 1
        if not page:
            del self._pages[number]
            self._own.discard(number)

    def copy(self) -> "Paged[V]":
        twin: Paged[V] = Paged()
        twin._pages, twin._count = self._pages.copy(), self._count
        self._own = set()
        return twin

    def _page(self, number: int) -> dict[int, V]:
        """One to be changed."""
        if number not in self._own:
            self._pages[number] = self._pages.get(number, {}).copy()
            self._own.add(number)
        return self._pages[number]
