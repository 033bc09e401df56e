"""The fields of sstat(1): what the steps of running jobs use now."""

from collections.abc import Callable, Mapping

from launchyard.model.light import Any
from launchyard.slurm.amounts import Units
from launchyard.slurm.columns import PLAIN, table_of
from launchyard.slurm.times import full_clock

FIELDS = table_of(
    """
    AveCPU:10 AveCPUFreq:10 AveDiskRead:12 AveDiskWrite:12 AvePages:10 AveRSS:10 AveVMSize:10
    ConsumedEnergy:14 ConsumedEnergyRaw:17 JobID:-12 MaxDiskRead:12 MaxDiskReadNode:15 MaxDiskReadTask:15
    MaxDiskWrite:12 MaxDiskWriteNode:16 MaxDiskWriteTask:16 MaxPages:8 MaxPagesNode:12 MaxPagesTask:14
    MaxRSS:10 MaxRSSNode:10 MaxRSSTask:10 MaxVMSize:10 MaxVMSizeNode:14 MaxVMSizeTask:14 MinCPU:10
    MinCPUNode:10 MinCPUTask:10 Nodelist:20 NTasks:8 Pids:20 ReqCPUFreq:13 ReqCPUFreqMin:13 ReqCPUFreqMax:13
    ReqCPUFreqGov:13 TRESUsageInAve:14 TRESUsageInMax:14 TRESUsageInMaxNode:18 TRESUsageInMaxTask:18
    TRESUsageInMin:14 TRESUsageInMinNode:18 TRESUsageInMinTask:18 TRESUsageInTot:14 TRESUsageOutAve:15
    TRESUsageOutMax:15 TRESUsageOutMaxNode:19 TRESUsageOutMaxTask:19 TRESUsageOutMin:15
    TRESUsageOutMinNode:19 TRESUsageOutMinTask:19 TRESUsageOutTot:15
    """,
    {PLAIN: "NTasks"},
)
DEFAULT = (
    "jobid,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,averss,maxpages,"
    "maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,avecpufreq,reqcpufreqmin,"
    "reqcpufreqmax,reqcpufreqgov,consumedenergy,maxdiskread,maxdiskreadnode,maxdiskreadtask,avediskread,"
    "maxdiskwrite,maxdiskwritenode,maxdiskwritetask,avediskwrite,tresusageinave,tresusageinmax,"
    "tresusageinmaxnode,tresusageinmaxtask,tresusageinmin,tresusageinminnode,tresusageinmintask,"
    "tresusageintot,tresusageoutave,tresusageoutmax,tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutmin,"
    "tresusageoutminnode,tresusageoutmintask,tresusageouttot"
)
PIDS = "jobid,nodelist,pids"

Use = Mapping[str, Any]
"""A step that runs: `jobid nodes tasks cpu_s memory_mib memory_peak_mib`; what is not known is None."""


def value(name: str, use: Use, units: Units) -> str:
    """A field (small letters); blank where nothing is known."""
    read = _VALUES.get(name)
    return "" if read is None else read(use, units)


def _memory(name: str) -> Callable[[Use, Units], str]:
    def read(use: Use, units: Units) -> str:
        mib = use[name]
        return "" if mib is None else units.size(round(mib * 1024) * 1024)

    return read


def _peak(use: Use, units: Units) -> str:
    known = [mib for mib in (use["memory_peak_mib"], use["memory_mib"]) if mib is not None]
    return units.size(round(max(known) * 1024) * 1024) if known else ""


def _cpu(use: Use, units: Units) -> str:
    return "" if use["cpu_s"] is None else full_clock(use["cpu_s"] / max(1, use["tasks"]))


def _where(use: Use, units: Units) -> str:
    return str(use["nodes"][0]) if use["nodes"] and use["memory_mib"] is not None else ""


def _resources(use: Use, units: Units) -> str:
    parts = [("cpu", _cpu(use, units)), ("mem", _peak(use, units))]
    return ",".join(f"{name}={text}" for name, text in parts if text)


_VALUES: Mapping[str, Callable[[Use, Units], str]] = {
    "avecpu": _cpu,
    "averss": _memory("memory_mib"),
    "jobid": lambda use, units: str(use["jobid"]),
    "maxrss": _peak,
    "maxrssnode": _where,
    "maxrsstask": lambda use, units: "0" if _where(use, units) else "",
    "mincpu": _cpu,
    "nodelist": lambda use, units: ",".join(use["nodes"]),
    "ntasks": lambda use, units: str(use["tasks"]),
    "tresusageinave": _resources,
    "tresusageinmax": _resources,
    "tresusageinmin": _resources,
    "tresusageintot": _resources,
}
