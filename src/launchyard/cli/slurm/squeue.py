"""squeue: the jobs that wait, run, and ended a short while ago."""

from launchyard.cli.slurm.arguments import options, parse
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import surroundings
from launchyard.slurm import formats, jobfields, jobsort
from launchyard.slurm.facts import Facts

OPTIONS = options(
    value="account clusters format Format iterate jobs licenses name nodelist partition qos reservation sort "
    "states user",
    maybe="json yaml steps",
    nothing="all array array-unique federation help hide local long me noheader only-job-state priority "
    "sibling start usage verbose version noconvert",
    letters="A:account a:all r:array M:clusters o:format O:Format i:iterate j:jobs L:licenses l:long n:name "
    "w:nodelist h:noheader p:partition P:priority q:qos R:reservation S:sort t:states s:steps u:user U:me "
    "v:verbose V:version",
)
DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"


def run(arguments: list[str]) -> int:
    given = parse(arguments, OPTIONS)
    layout = formats.by_letters(given.last("format") or DEFAULT, jobfields.LETTERS)
    keys = jobsort.keys_of(given.last("sort") or "P,t,-p")
    columns = list(dict.fromkeys([*jobfields.needs(layout.names), *jobsort.needs(keys)]))
    facts = Facts(columns, Server().table("jobs", " ".join(columns)), surroundings())
    facts.only(jobsort.in_order(facts, keys))
    texts = {name: jobfields.FIELDS[name].make(facts) for name in layout.names}
    if not given.count("noheader"):
        print(formats.header(layout, jobfields.HEADERS))
    for line in formats.lines(layout, texts, facts.count):
        print(line)
    return 0
