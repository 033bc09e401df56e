"""A class that says what an answer looks like, for the OpenAPI document alone: nobody makes one of it.

Dataclasses of all answers would take a tenth of the daemon's start to make. They are made (`made`) when
somebody asks for the document.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def shape(cls: type[T]) -> type[T]:
    """Keeps the class as it is; those that its fields name may be shapes too."""
    _shapes.append(cls)
    return cls


def made() -> None:
    """Make dataclasses of all shapes there are by now."""
    for cls in _shapes:
        if "__dataclass_fields__" not in vars(cls):
            dataclass(frozen=True, kw_only=True)(cls)


def names(cls: type) -> list[str]:
    """The names of a shape's fields, in order; of what it is made from first."""
    return list(
        dict.fromkeys(name for one in reversed(cls.__mro__) for name in vars(one).get("__annotations__", ()))
    )


_shapes: list[type] = []
