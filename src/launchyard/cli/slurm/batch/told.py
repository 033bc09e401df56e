"""sbatch --help, --usage and --version."""

from launchyard.cli.slurm.about import print_version
from launchyard.slurm.options import NOTHING, SBATCH, VALUE

USAGE = """\
Usage: sbatch [options] [script [arguments]]
       sbatch [options] --wrap='command'
       (a script without a name is read from standard input)
"""


def tell(what: str) -> int:
    if what == "version":
        return print_version()
    print(USAGE, end="")
    if what == "help":
        letters = {name: letter for letter, name in SBATCH.letters.items()}
        ends = {NOTHING: "", VALUE: "=VALUE"}
        print("\nOptions; each is explained in docs/reference/slurm/sbatch.md:")
        for name in sorted(SBATCH.names):
            short = f"-{letters[name]}, " if name in letters else "    "
            print(f"  {short}--{name}{ends.get(SBATCH.names[name], '[=VALUE]')}")
    return 0
