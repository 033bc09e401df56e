"""`NamedTuple` and `Any` for commands that start in some milliseconds: `typing` alone takes 4 of them.

It brings regular expressions, enumerations and caches along, and so does `json`: 12 of 28 in all. To a type
checker these are those of `typing`, and classes are written in the same way.
"""

import sys
from collections import namedtuple

TYPE_CHECKING = False

if TYPE_CHECKING or sys.version_info >= (3, 14):
    from typing import Any as Any
    from typing import NamedTuple as NamedTuple
    from typing import TypeVar as TypeVar
else:
    Any = object

    def TypeVar(name):
        return name

    class _Named(type):
        """Makes a class with annotations a named tuple, as `typing` does, but takes all types on trust."""

        def __new__(cls, name, bases, space):
            fields = space["__annotations__"]
            defaults = [space.pop(field) for field in fields if field in space]
            made = namedtuple(name, fields, defaults=defaults, module=space.pop("__module__"))
            for key, value in space.items():
                if key != "__qualname__":
                    setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_Named, "NamedTuple", (), {})
