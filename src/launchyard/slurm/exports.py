"""Which part of the caller's environment goes along: `--export`, as in sbatch(1) and srun(1)."""

from collections.abc import Mapping


def exported(spec: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The part of the submitter's environment that `--export=spec` sends along.

    `ALL` (also None or empty): all of it. `NONE`, `NIL`: its SLURM_ variables only. A list: its SLURM_
    variables and the ones named, `NAME` as it is and `NAME=value` as given, `ALL` among them standing for
    all. Later parts of the list win.
    """
    if not spec or spec.upper() == "ALL":
        return dict(environ)
    chosen = {name: value for name, value in environ.items() if name.startswith("SLURM_")}
    if spec.upper() in ("NONE", "NIL"):
        return chosen
    for part in _parts(spec):
        name, equals, value = part.partition("=")
        if equals:
            chosen[name] = value
        elif part.upper() == "ALL":
            chosen.update(environ)
        elif part in environ:
            chosen[part] = environ[part]
    return {name: value for name, value in chosen.items() if name}


def _parts(spec: str) -> list[str]:
    """Split at commas that are not inside quotes; the quotes go."""
    parts: list[str] = []
    current: list[str] = []
    quote = ""
    for character in spec:
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        elif not quote and character == ",":
            parts.append("".join(current))
            current = []
        else:
            current.append(character)
    return [*parts, "".join(current)]
