"""`-M`: of which clusters of the server. One alone has the name that the site gives itself."""

from launchyard.cli.slurm.about import Settings
from launchyard.cli.slurm.arguments import Given
from launchyard.cli.slurm.main import Refused
from launchyard.model.light import NamedTuple

ALL = "all"


class Cluster(NamedTuple):
    """`title` is what it is called here, `name` what the server calls it; None: there is no other."""

    title: str
    name: str | None = None


def words_of(given: Given) -> list[str]:
    """All values of `--clusters`, with commas between them."""
    values = [value or "" for name, value in given.options if name == "clusters"]
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def named(words: list[str], site: Settings) -> list[Cluster]:
    """Those of these names, in the order named; `all` stands for every one. Raises `Refused`."""
    known = known_by(site)
    for word in words:
        if word != ALL and word not in known:
            raise Refused(f"error: No cluster '{word}' known by database.")
    if ALL in words:
        words = [*(site.get("clusters") or known)] if len(known) > 1 else [*known]
    return [known[word] for word in dict.fromkeys(words)]


def reached(text: str, site: Settings) -> list[Cluster]:
    """Those of `a,b` that are known, at least one of them. Raises `Refused`."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = known_by(site)
    found = named([word for word in words if word in known or word == ALL], site)
    if not found:
        hint = "Use 'sacctmgr list clusters' to see available clusters."
        raise Refused(
            f"error: '{text}' can't be reached now, or it is an invalid entry for --cluster.  {hint}"
        )
    return found


def known_by(site: Settings) -> dict[str, Cluster]:
    """By all that they may be called: of several each has its name, the default one that of the site too."""
    here, names = str(site["cluster"]), list(site.get("clusters", ()))
    if len(names) < 2:
        return {here: Cluster(here)}
    return {here: Cluster(here, names[0])} | {name: Cluster(name, name) for name in names}


def print_title(cluster: Cluster, given: Given, *, first: bool) -> None:
    """Above what is shown of it, as Slurm has it."""
    if not given.count("noheader") and given.last("json") is None:
        print(f"{'' if first else chr(10)}CLUSTER: {cluster.title}")
