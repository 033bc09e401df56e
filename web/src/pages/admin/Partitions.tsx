/** Partitions with their limits; each can be closed and opened again. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Column, Failure, SkeletonRows, Table, toast, toastFailure } from "@/components";
import { useStale } from "@/state/live";
import { adminWords } from "@/words/cluster";
import styles from "./admin.module.css";
import { type PartitionRules, type PartitionState, keepRules, partitionsOf, policyQuery, setPartition } from "./policy";

const say = adminWords.partitions;

export function Partitions() {
  const client = useQueryClient();
  const stale = useStale();
  const { data, error, refetch } = useQuery(policyQuery);
  const columns = useMemo((): Column<PartitionRules>[] => {
    const set = async (name: string, to: PartitionState, from: PartitionState) => {
      try {
        await keepRules(client, await setPartition(name, "state", to));
        toast(say.is(name, say.states[to]), { undo: () => void set(name, from, to) });
      } catch (refused) {
        toastFailure(refused);
      }
    };
    return [
      {
        key: "name",
        title: say.columns.name,
        cell: (one) => (
          <>
            <code>{one.name}</code> {one.default && <span className="muted small">{say.byDefault}</span>}
          </>
        ),
      },
      {
        key: "state",
        title: say.columns.state,
        cell: (one) => (
          <select className={styles.select} aria-label={say.set(one.name)} value={one.state ?? "up"} disabled={stale} onChange={(event) => void set(one.name, event.target.value as PartitionState, one.state ?? "up")}>
            {(Object.keys(say.states) as PartitionState[]).map((state) => (
              <option key={state} value={state}>
                {say.states[state]}
              </option>
            ))}
          </select>
        ),
        width: "208px",
      },
      { key: "nodes", title: say.columns.nodes, cell: (one) => (one.nodes === undefined ? say.all : String(one.nodes)), from: 640 },
      { key: "limit", title: say.columns.limit, cell: (one) => one.time_limit ?? "24h", width: "112px", from: 640 },
      { key: "most", title: say.columns.most, cell: (one) => one.time_limit_max ?? "", width: "112px", from: 900 },
      { key: "tier", title: say.columns.tier, cell: (one) => one.tier ?? 0, width: "64px", align: "end", from: 900 },
    ];
  }, [client, stale]);
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={4} />;
  return <Table label={say.label} columns={columns} rows={partitionsOf(data)} rowKey={(one) => one.name} />;
}
