"""The configuration files of the real Slurm that a test brings up, and of ours, which is the same cluster."""

from pathlib import Path
from typing import NamedTuple

USERS = ("lytest1", "lytest2")
FIRST_JOB_ID = 73001
"""Job ids that are like no other number in any output."""

SLURM_CONF = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser=slurm
SlurmctldPort={ctld_port}
SlurmdPort={spare_port}
AuthType=auth/munge
AuthInfo=socket={directory}/munge/sock
CommunicationParameters=NoInAddrAny
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
SlurmctldPidFile={directory}/state/slurmctld.pid
SlurmdPidFile={directory}/run/slurmd-%n.pid
SlurmctldLogFile={directory}/log/slurmctld.log
SlurmdLogFile={directory}/log/slurmd-%n.log
SlurmdParameters=config_overrides
ReturnToService=2
FirstJobId={first_job_id}
MailProg=/bin/true
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
KillWait=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/none
PriorityType=priority/multifactor
PriorityWeightAge=1000
PriorityWeightFairshare=10000
PriorityWeightJobSize=100
PriorityWeightPartition=1000
PriorityWeightQOS=1000
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
AccountingStorageType=accounting_storage/slurmdbd
AccountingStoragePass={directory}/munge/sock
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd_port}
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment,job_script,job_env
AccountingStorageEnforce=associations,limits,qos
PreemptType=preempt/qos
PreemptMode=REQUEUE
MaxArraySize=100001
MinJobAge=300
Licenses=matlab:4,ansys:2
GresTypes=gpu
{nodes}
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=01:00:00 State=UP
PartitionName=short Nodes=ALL MaxTime=00:10:00 PriorityTier=10 State=UP
"""

NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 CoresPerSocket=4"
    " RealMemory={memory_mib} Feature={features} Gres=gpu:fake:2 State=UNKNOWN"
)

SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={directory}/munge/sock
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={dbd_port}
SlurmUser=slurm
LogFile={directory}/log/slurmdbd.log
PidFile={directory}/state/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""

CGROUP_CONF = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
ConstrainRAMSpace=yes
"""

DATABASE = (
    "create database slurm_acct_db;"
    " create user slurm@'127.0.0.1' identified by 'slurm'; grant all on slurm_acct_db.* to slurm@'127.0.0.1';"
    " create user slurm@localhost identified by 'slurm'; grant all on slurm_acct_db.* to slurm@localhost;"
)

ACCOUNTS = (
    "account physics,chem Description=lab Organization=lab",
    f"user {USERS[0]} account=physics fairshare=10",
    f"user {USERS[1]} account=chem fairshare=5",
    "user root account=physics",
    "qos high Priority=1000 Preempt=normal",
)

OURS = f"""\
listen = "127.0.0.1:0"
allow_root_jobs = true
jobs_visible_to_all = true
grace_s = 5
licences = {{ matlab = 4, ansys = 2 }}

[slurm]
version = "22.05.8"
cluster = "lab"

[scheduler]
order = "multifactor"
weights = {{ age = 1000, fairshare = 10000, job_size = 100, partition = 1000, qos = 1000 }}

[[nodes]]
name = "n[1-4]"
cpus = 4
memory = "4000MiB"
gpus = "fake:2"
features = ["lab"]

[[partitions]]
name = "debug"
default = true
tier = 1
priority = 1
time_limit = "1h"

[[partitions]]
name = "short"
tier = 10
priority = 1
time_limit = "10m"
time_limit_max = "10m"

[[qos]]
name = "high"
priority = 1000
preempts = ["normal"]

[[accounts]]
name = "physics"

[[accounts]]
name = "chem"

[[users]]
name = "{USERS[0]}"
account = "physics"
shares = 10

[[users]]
name = "{USERS[1]}"
account = "chem"
shares = 5

[[users]]
name = "root"
account = "physics"
"""


class Ports(NamedTuple):
    """Free ports of the loopback interface: the daemons' and one for each node."""

    ctld: int
    spare: int
    dbd: int
    database: int
    nodes: tuple[int, ...]


def write(
    directory: Path,
    host: str,
    ports: Ports,
    *,
    features: str = "lab",
    first_job_id: int = FIRST_JOB_ID,
    cgroups: bool = False,
    memory_mib: int = 4000,
) -> None:
    """Put slurm.conf, slurmdbd.conf and gres.conf into `directory`/etc.

    With `cgroups`, as in use, the kernel holds jobs to their memory and no process of theirs can get away;
    else Slurm looks now and then.
    """
    etc = directory / "etc"
    nodes = "\n".join(
        NODE.format(name=f"n{number}", host=host, port=port, features=features, memory_mib=memory_mib)
        for number, port in enumerate(ports.nodes, 1)
    )
    known = {"directory": directory, "host": host, "first_job_id": first_job_id, "nodes": nodes}
    known |= {"ctld_port": ports.ctld, "spare_port": ports.spare, "dbd_port": ports.dbd}
    known |= {"database_port": ports.database}
    text = SLURM_CONF.format(**known)
    if cgroups:
        text = text.replace("JobAcctGatherParams=OverMemoryKill\n", "").replace("task/none", "task/cgroup")
        text = text.replace("proctrack/linuxproc", "proctrack/cgroup")
        (etc / "cgroup.conf").write_text(CGROUP_CONF)
    (etc / "slurm.conf").write_text(text)
    (etc / "slurmdbd.conf").write_text(SLURMDBD_CONF.format(**known))
    (etc / "gres.conf").write_text(f"Name=gpu Type=fake File={directory}/dev/gpu[0-1]\n")
