"""How programs by others ask Slurm and how they read the answer.

Their command lines, read from their public sources, each named, and the parse in our words. `every`: what
each line of stdout has to look like for them (fullmatch); `some`: what has to be found in it. A label in
braces is a job of tests/slurm/history.py.
"""

from typing import NamedTuple

STATE = r"(?:[A-Z]{1,2}|OOM)"
WORD = r"[A-Z_]+\+?"
ID = r"\d+(_(\d+|\[[\d,\-:%]+\]))?"


class Client(NamedTuple):
    """Who asks, what, and how the answer is read."""

    source: str
    line: str
    every: str = r".*"
    some: tuple[str, ...] = ()


CLIENTS = (
    Client("dask-jobqueue core.py", "sbatch -H --wrap true", r".*?\d+"),
    Client("parsl providers/slurm", "sbatch -H --wrap true", r"Submitted batch job (?P<id>\S*)"),
    Client(
        "parsl providers/slurm", "squeue --noheader --format='%i %t' --job '{long},{arr}'", rf"{ID} {STATE}"
    ),
    Client(
        "parsl providers/slurm",
        "sacct -X --noheader --format=jobid,state --job '{long},{fail3}'",
        rf"{ID} +{WORD} *",
        ("FAILED",),
    ),
    Client("nextflow SlurmExecutor", "sbatch -H late.sh", r"Submitted batch job (\d+)"),
    Client("nextflow SlurmExecutor", "squeue --noheader -o '%i %t' -t all -u lytest1", rf"{ID}\s+{STATE}"),
    Client(
        "nextflow SlurmExecutor",
        "squeue --noheader -o '%i %t' -t all -p debug -u lytest1",
        rf"{ID}\s+{STATE}",
    ),
    Client("batchspawner SlurmSpawner", "sbatch --parsable -H --wrap true", r"(\d+)"),
    Client(
        "batchspawner SlurmSpawner",
        'squeue -h -j {long} -o "%T %B"',
        r"(?:RUNNING|COMPLETING)\s+((?:[\w_-]+\.?)+)",
    ),
    Client("batchspawner SlurmSpawner", 'squeue -h -j {held} -o "%T %B"', r"(?:PENDING|CONFIGURING).*"),
    Client("Open OnDemand ood_core", "echo '#!/bin/sh' | sbatch -M lab -H --parsable", r"\d+;lab"),
    Client("Open OnDemand ood_core", "squeue -M lab --all --states=all --noconvert -o '%A;%i;%t'"),
    Client(
        "Open OnDemand ood_core",
        "squeue -M lab --all --states=all --noconvert -o '%A\x1f%i\x1f%t\x1e' | tail -n +3",
        rf"(\d+\x1f{ID}\x1f{STATE}\x1e)?",
    ),
    Client(
        "Open OnDemand ood_core", "squeue -M lab --noconvert -j {long} -o '%A;%t' | head -1", "CLUSTER: lab"
    ),
    Client("Open OnDemand ood_core", 'sinfo "-aho %A/%D/%C"', r" ?\d+/\d+/\d+/\d+/\d+/\d+/\d+"),
    Client("Open OnDemand ood_core", 'sinfo "-ahNO ,nodehost:100,gres:100,gresused:100"'),
    Client(
        "Open OnDemand ood_core",
        "sacctmgr -nP show users lytest1 withassoc format=account,cluster,partition,qos",
        r"[^|]*\|lab\|[^|]*\|[\w,]*",
    ),
    Client(
        "Open OnDemand ood_core",
        "scontrol show part -o",
        r"PartitionName=\w+ .*",
        (r"State=UP", r"Default=YES"),
    ),
    Client(
        "submitit slurm.py",
        "sacct -o JobID,State,NodeList --parsable2 -j {arr} -j {steps}",
        r"[^|]+\|[^|]+\|[^|]*",
        (
            r"JobID\|State\|NodeList",
            r"\{arr\}_0\|RUNNING",
            r"\{arr\}_\[[\d,%-]+\]\|PENDING",
            r"\{steps\}\.batch",
        ),
    ),
    Client(
        "snakemake-executor-plugin-slurm",
        # An hour earlier: it ended just now, and that may be before this hour began.
        "sacct -X --parsable2 --clusters all --noheader --format=JobIdRaw,State"
        " --starttime $(date -d '1 hour ago' +%FT%H:00) --endtime now --name steps",
        rf"\d+\|{WORD}",
    ),
    Client(
        "snakemake-executor-plugin-slurm",
        "squeue '--format=%i|%T' --states=all --noheader --name steps",
        rf"{ID}\|{WORD}",
    ),
    Client("snakemake-executor-plugin-slurm", "scontrol show config", some=(r"MinJobAge\s*=\s*300 sec",)),
    Client("snakemake-executor-plugin-slurm", "sinfo -o %P", r"PARTITION|\w+\*?", (r"debug\*",)),
    Client(
        "snakemake-executor-plugin-slurm",
        'sacctmgr -n -s list user "lytest1" format=account%256',
        r" *(physics) *",
    ),
    Client("snakemake-executor-plugin-slurm", "sshare -U --format Account%256 --noheader", r" *(physics) *"),
    Client(
        "snakemake-executor-plugin-slurm", 'sacct -nu "lytest1" -o Account%256 | tail -1', r" *(physics) *"
    ),
    Client(
        "reportseff db_inquirer.py",
        "sacct --parsable -n --delimiter='^|^' --format=JobID,State,Elapsed,JobIDRaw,TotalCPU,AllocCPUS,"
        "REQMEM,NNodes,MaxRSS,Timelimit,AdminComment --jobs={steps}",
        r"([^|]*\^\|\^){11}",
    ),
    Client(
        "reportseff db_inquirer.py",
        "sacct --helpformat",
        some=("JobIDRaw", "TRESUsageOutMax", "AdminComment"),
    ),
    Client(
        "reportseff db_inquirer.py",
        "scontrol show partition",
        some=(r"(?m)^PartitionName=\S+$", r"MaxTime=\S+"),
    ),
    Client("prometheus-slurm-exporter cpus", "sinfo -h -o %C", r"\d+/\d+/\d+/\d+"),
    Client("prometheus-slurm-exporter nodes", "sinfo -h -o '%D|%T|%b'", r"\d+\|[a-z]+[*~#!%$@^-]?\|\S+"),
    Client(
        "prometheus-slurm-exporter node",
        "sinfo -h -N -O 'NodeList,AllocMem,Memory,CPUsState,StateLong,Partition'",
        r"n\d +\d+ +\d+ +\d+/\d+/\d+/\d+ +[a-z]+\S* +\w+\*? *",
    ),
    Client(
        "prometheus-slurm-exporter queue",
        "squeue -a -r -h -o '%P,%T,%C,%r,%u' --states=all",
        r"\w+,[A-Z_]+,\d+,[^,]+,\w+",
    ),
    Client(
        "prometheus-slurm-exporter accounts", "squeue -a -r -h -o '%A|%a|%T|%C'", r"\d+\|\w+\|[A-Z_]+\|\d+"
    ),
    Client("prometheus-slurm-exporter users", "squeue -a -r -h -o '%A|%u|%T|%C'", r"\d+\|\w+\|[A-Z_]+\|\d+"),
    Client("prometheus-slurm-exporter partitions", "sinfo -h -o%R,%C", r"\w+,\d+/\d+/\d+/\d+"),
    Client("prometheus-slurm-exporter partitions", "squeue -a -r -h -o%P --states=PENDING", r"\w+"),
    Client(
        "prometheus-slurm-exporter gpus",
        "sinfo -a -h '--Format=Nodes: ,GresUsed: ' --state=allocated",
        r"\d+ \S+ ?",
    ),
    Client(
        "prometheus-slurm-exporter gpus",
        "sinfo -a -h '--Format=Nodes: ,Gres: ,GresUsed: ' ",
        r"\d+ gpu:\S+ gpu:\S+ ?",
    ),
    Client("prometheus-slurm-exporter fair share", "sshare -n -P -o account,fairshare", r" *\w+\|[\d.]*"),
    Client(
        "prometheus-slurm-exporter scheduler",
        "sdiag",
        some=(
            r"(?m)^Server thread count: +\d+$",
            r"(?m)^Agent queue size: +\d+$",
            r"(?m)^DBD Agent queue size: +\d+$",
            r"(?m)^\tLast cycle: +\d+$",
            r"(?m)^\tMean cycle: +\d+$",
            r"(?m)^\tCycles per minute: +\d+$",
            r"(?m)^\tTotal backfilled jobs \(since last slurm start\): +\d+$",
        ),
    ),
    Client(
        "rivosinc exporter jobs",
        """squeue --states=all -h -r -o '{"a": "%a", "id": %A, "u": "%u", "state": "%T", "cpu": %C, """
        """"mem": "%m"}'""",
        r'\{"a": "\w+", "id": \d+, "u": "\w+", "state": "[A-Z_]+", "cpu": \d+, "mem": "\d+[MGT]?"\}',
    ),
    Client(
        "rivosinc exporter nodes",
        """sinfo -h -o '{"s": "%T", "mem": %m, "n": "%n", "l": "%O", "p": "%R", "fmem": "%e", "w": %w}'""",
        r'\{"s": "\w+\S?", "mem": \d+, "n": "n\d", "l": "[\d.]+", "p": "\w+", "fmem": "\S+", "w": \d+\}',
    ),
    Client(
        "AiiDA schedulers/plugins/slurm.py",
        "SLURM_TIME_FORMAT=%Y-%m-%dT%H:%M:%S squeue --noheader"
        " -o '%i^^^%t^^^%r^^^%B^^^%u^^^%N^^^%D^^^%C^^^%M^^^%l^^^%P^^^%S^^^%V^^^%j' --jobs={long},{held}",
        rf"{ID}\^\^\^{STATE}(\^\^\^[^\^]*){{12}}",
    ),
    Client(
        "PSI/J executors/batch/slurm",
        "squeue -O JobArrayID,StateCompact,Reason -t all --me",
        rf"JOBID +ST +REASON *|(?=.{{60}})(\d+\S* +|\d+_\[[\d,\-:%]+){STATE} +\S.*",
    ),
    Client(
        "Galaxy slurm runner",
        "scontrol -o show job {fail3}",
        r"JobId=\S+ .*",
        (r"JobState=FAILED\b", r"ExitCode=3:0"),
    ),
    Client("Cromwell slurm backend", "squeue -j {long}", some=(r"(?m)^ +\{long\} ",)),
    Client(
        "jobstats seff", "sacct -X -n -P -j {gpu} -o cluster,reqtres,alloctres", r"lab\|[\w=,/:]+\|[\w=,/:]+"
    ),
    Client("toil batchSystems/slurm.py", 'sinfo -a -o "%P %G %l %p %c %m"', r"(\S+ ){5}\S+"),
    Client("toil batchSystems/slurm.py", "squeue -h --format '%i %t %M'", rf"{ID} {STATE} [\d:-]+"),
    Client(
        "toil batchSystems/slurm.py",
        "sacct -n -j {fail3},{sig9},{long} --format JobIDRaw,State,ExitCode -P -S 1970-01-01T00:00:00"
        " -E $(date -d tomorrow +%FT%T)",
        rf"\d+(\.\w+)?\|{WORD}\|\d+:\d+",
        (r"\{fail3\}\|FAILED\|3:0", r"\{sig9\}\|FAILED\|0:9", r"\{long\}\|RUNNING\|0:0"),
    ),
    Client("cylc job_runner_handlers/slurm.py", "squeue -h -j {long},{fail3}", r" *(\d+) .*"),
    Client(
        "qtoolkit io/slurm.py",
        "SLURM_TIME_FORMAT='standard' squeue --noheader"
        " -o '%i<><> %t<><> %r<><> %j<><> %u<><> %P<><> %l<><> %D<><> %C<><> %M<><> %m' --jobs={long},{long}",
        rf"{ID}<><> R<><> None<><> long<><> lytest1<><> debug<><> 1:40:00<><> 1<><> 2<><> [\d:]+<><> \d+M",
    ),
    Client(
        "clusterfutures slurm.py",
        "squeue --noheader '--format=%i %T' --jobs {long},{fail3},{sig9} --states=all",
        rf"{ID} (RUNNING|FAILED)",
    ),
    Client("pysqa wrapper/slurm.py", "squeue --format '%A|%u|%t|%.15j|%Z' --noheader", r"([^|]+\|){4}[^|]+"),
    Client(
        "stui backend.py",
        "squeue --noheader --all '--format=\"%A|%i|%F|%K|%C|%j|%P|%r|%u|%y|%T|%M|%b|%N\"'",
        r'"([^|]*\|){13}[^|]*"',
    ),
    Client(
        "slurm_gpustat",
        "squeue -O tres-per-node:100,nodelist:100,username:100,jobid:100 --noheader",
        r"(N/A|gres:gpu(:fake)?:\d) .{99,}",
        (r"(?m)^gres:gpu:fake:1 +n1 +lytest1 +\{long\} *$",),
    ),
    Client(
        "slurm_gpustat",
        "scontrol show jobid -dd {excl}",
        some=(r"JOB_GRES=gpu:fake:2", r"Nodes=n3 .* GRES=gpu:fake:2\(IDX:0-1\)"),
    ),
    Client("slurm_gpustat", "sinfo -o '%1000N|%1000G' --noheader", r"n\S* +\|gpu:fake:2 +"),
    Client("slurmtop _data.py", "sinfo -sh", r"\w+\*? +up +\S+ +(\d+/){3}\d+ +\S+ *"),
    Client(
        "slurmtop _data.py",
        "squeue --json | python3 -c \"import json, sys; [print(j['job_state'][0], j['start_time']['number'],"
        " j['priority']['number'], j['node_count']['number']) for j in json.load(sys.stdin)['jobs']]\"",
        r"[A-Z_]+ \d+ \d+ \d+",
    ),
    Client("slurm-usage", "squeue -ro '%u/%t/%D/%P/%C/%N/%h'", r"USER/.*|\w+/[A-Z]+/\d+/\w+/\d+/\S*/\w+"),
    Client(
        "fsl_sub_plugin_slurm",
        "sinfo -p debug -h -O CPUs,MaxCPUsPerNode,Memory,Time,NodeHost",
        r"4 +UNLIMITED +4000 +infinite +n\d *",
    ),
    Client(
        "fsl_sub_plugin_slurm",
        "sacct -j {tasks} --parsable2 --noheader --units=M --duplicate"
        " --format JobID,JobName,Submit,Start,End,State,ExitCode",
        rf"\d+_\d(\.\w+)?\|\w+(\|[\d:T-]{{19}}){{3}}\|{WORD}\|\d:0",
    ),
    Client(
        "fsl_sub_plugin_slurm",
        "sacctmgr --json show user lytest1 |"
        " python3 -c \"import json, sys; print(json.load(sys.stdin)['users'][0]['default']['account'])\"",
        r"physics",
    ),
    Client(
        "jobmanager resubmit",
        "sacct -j {fail3} -o submitline -P",
        r"SubmitLine|sbatch --wrap=exit 3 -J fail3|",
    ),
    Client(
        "SkyPilot slurm client",
        "scontrol show nodes -o",
        r"NodeName=.*",
        (r"CfgTRES=cpu=4,mem=4000M,billing=4,gres/gpu=2", r"AllocTRES=cpu=3,mem=3000M,gres/gpu=1"),
    ),
    Client(
        "slurmpast sacct.py",
        "sacct -D --parsable2 --noheader -j {again} --format=JobID,JobIDRaw,State,ExitCode,Start,SubmitLine",
        rf"\d+(\.batch)?\|\d+(\.batch)?\|{WORD}\|\d+:\d+\|[^|]+\|[^|]*",
        (r"REQUEUED", r"\|sbatch -J again --requeue again.sh"),
    ),
    Client(
        "escancel",
        "squeue -u lytest1 -h -o '%A|%j|%M|%N'",
        r"\d+\|[^|]+\|[\d:-]+\|\S*",
    ),
)
