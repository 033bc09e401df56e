"""`scontrol help`: what it does, in our own words."""

from launchyard.cli.slurm.scontrol import Flags

HELP = """Usage: scontrol [OPTIONS] COMMAND ...
  -a, --all        hidden partitions too (none is hidden here)
  -d, --details    more of each record
      --json       records for programs
  -o, --oneliner   one line a record
  -Q, --quiet      say nothing that is no error
  -V, --version    the version

Looking
  show job|step|node|partition|reservation [NAME]     records in full
  show config|licenses|daemons|topology               the site
  show hostnames|hostlist|hostlistsorted [NODES]      node lists unfolded and folded
  completing                                          jobs whose processes are still being killed
  ping                                                does the server answer?
  version
Jobs
  hold|uhold|release JOB...       keep from starting, and let start
  requeue|requeuehold JOB...      let wait again
  suspend|resume JOB...           let stand still, and go on
  top JOB...                      before your other jobs
  notify JOB TEXT                 a word into its output
  wait_job JOB                    until it has started or ended
  write batch_script JOB [FILE]   its script
Changing
  update WHAT=NAME KEY=VALUE...   a job, node, partition or reservation
  create|delete reservation ...   nodes kept for a time
  reconfigure                     read the configuration file again"""


def run(words: list[str], flags: Flags) -> int:
    print(HELP)
    return 0
