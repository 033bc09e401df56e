/** Changes of a job in words. Pure. */

import { memory, span, trim } from "@/state/format";

/** 1 h, 2 CPUs. */
export function changeWord(changes: Record<string, unknown>): string {
  const words: Record<string, (value: number | string) => string> = {
    time_limit_s: (value) => span(Number(value)),
    cpus: (value) => `${trim(Number(value))} ${Number(value) === 1 ? "CPU" : "CPUs"}`,
    memory_mib: (value) => memory(Number(value)),
    gpus: (value) => `${value} ${Number(value) === 1 ? "GPU" : "GPUs"}`,
    partition: (value) => `partition ${value}`,
  };
  return Object.entries(changes)
    .map(([name, value]) => words[name]?.(value as number | string) ?? `${name} ${String(value)}`)
    .join(", ");
}
