"""Node lists folded as they come: nothing is left out, and nothing sorted unless that is asked for."""

from collections.abc import Iterable, Sequence

from launchyard.model.light import NamedTuple


class _Span(NamedTuple):
    stem: str
    width: int
    """Of numbers with zeros before them; 0 for others."""
    first: int
    last: int


def folded_in_order(names: Iterable[str]) -> str:
    """`n3,n1,n2,n2` is `n[3,1-2,2]`."""
    parts: list[str] = []
    run: list[_Span] = []
    for name in names:
        span = _span(name)
        if span is None or (run and run[-1].stem != span.stem):
            parts += _written(run)
            run = []
        if span is None:
            parts.append(name)
        elif run and run[-1].last + 1 == span.first and run[-1].width == span.width:
            run[-1] = run[-1]._replace(last=span.last)
        else:
            run.append(span)
    return ",".join(parts + _written(run))


def by_number(names: Iterable[str]) -> list[str]:
    """Sorted by name and then by number; none is left out."""
    return sorted(names, key=_order)


def _order(name: str) -> tuple[str, int, int]:
    span = _span(name)
    return (name, 0, -1) if span is None else (span.stem, span.width, span.first)


def _span(name: str) -> _Span | None:
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    if not digits or len(digits) > 9:
        return None
    width = len(digits) if digits[0] == "0" and len(digits) > 1 else 0
    return _Span(stem, width, int(digits), int(digits))


def _written(run: Sequence[_Span]) -> list[str]:
    if not run:
        return []
    spans = [_text(span) for span in run]
    alone = len(run) == 1 and run[0].first == run[0].last
    return [f"{run[0].stem}{spans[0]}" if alone else f"{run[0].stem}[{','.join(spans)}]"]


def _text(span: _Span) -> str:
    first, last = f"{span.first:0{span.width}}", f"{span.last:0{span.width}}"
    return first if span.first == span.last else f"{first}-{last}"
