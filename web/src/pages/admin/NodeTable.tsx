/** Nodes: drain one with a reason, take it down, take it back. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { nodesQuery } from "@/api/queries";
import type { Node, NodeState } from "@/api/types";
import { Bar, Button, type Column, Dialog, Failure, SkeletonRows, Table, TextField, confirm, toast, toastFailure } from "@/components";
import { memory, trim } from "@/state/format";
import { words } from "@/words";
import { adminWords, clusterWords } from "@/words/cluster";
import { NodeMark } from "../cluster/NodePanel";
import styles from "./admin.module.css";

const say = adminWords.nodes;

export function NodeTable() {
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(nodesQuery);
  const [drains, setDrains] = useState<string | null>(null);
  const columns = useMemo((): Column<Node>[] => {
    const mark = async (node: Node, state: NodeState, reason = "") => {
      try {
        await api.post(`/v1/nodes/${encodeURIComponent(node.name)}`, { state: state.toLowerCase(), reason });
        toast(say.moved(node.name, clusterWords.states[state]), state === "UP" ? {} : { undo: () => void mark(node, "UP") });
      } catch (refused) {
        toastFailure(refused);
      }
      await client.invalidateQueries({ queryKey: keys.nodes });
    };
    const down = async (node: Node) => {
      const yes = await confirm({ title: say.downAsk(node.name, node.used.jobs), body: say.downHow, action: say.down });
      if (yes) await mark(node, "DOWN");
    };
    return [
      { key: "name", title: say.columns.name, cell: (node) => <code>{node.name}</code> },
      { key: "state", title: say.columns.state, cell: (node) => <NodeMark node={node} />, width: "112px" },
      { key: "used", title: say.columns.used, cell: (node) => <Used part={node.used.cpus} whole={node.cpus} text={`${trim(node.used.cpus)} / ${node.cpus}`} />, width: "144px", from: 640 },
      { key: "memory", title: say.columns.memory, cell: (node) => <Used part={node.used.memory_mib} whole={node.memory_mib} text={`${memory(node.used.memory_mib)} / ${memory(node.memory_mib)}`} />, width: "200px", from: 900 },
      { key: "jobs", title: say.columns.jobs, cell: (node) => node.used.jobs, width: "64px", align: "end", from: 640 },
      { key: "reason", title: say.columns.reason, cell: (node) => <span title={node.reason ?? ""}>{node.reason}</span>, from: 900 },
      {
        key: "act",
        title: <span className="unseen">{say.drain}</span>,
        cell: (node) => (
          <span className={styles.acts}>
            {node.state === "UP" ? (
              <Button small changes onClick={() => setDrains(node.name)}>
                {say.drain}
              </Button>
            ) : (
              <Button small changes onClick={() => void mark(node, "UP")}>
                {say.up}
              </Button>
            )}
            {node.state !== "DOWN" && (
              <Button small changes kind="danger" onClick={() => void down(node)}>
                {say.down}
              </Button>
            )}
          </span>
        ),
        width: "min(208px, 42vw)",
        align: "end",
      },
    ];
  }, [client]);
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={6} />;
  return (
    <>
      <Table label={say.label} columns={columns} rows={data} rowKey={(node) => node.name} />
      {drains && <DrainDialog node={drains} onClose={() => setDrains(null)} />}
    </>
  );
}

function Used({ part, whole, text }: { part: number; whole: number; text: string }) {
  return (
    <span className={styles.used}>
      <Bar part={part} whole={whole} label={text} free />
      <span className="small">{text}</span>
    </span>
  );
}

function DrainDialog({ node, onClose }: { node: string; onClose: () => void }) {
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await api.post(`/v1/nodes/${encodeURIComponent(node)}`, { state: "drain", reason });
      toast(say.moved(node, clusterWords.states.DRAIN));
      onClose();
      await client.invalidateQueries({ queryKey: keys.nodes });
    } catch (refused) {
      setError((refused as Error).message);
    }
  };
  return (
    <Dialog
      open
      title={say.drainTitle(node)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.act.cancel}</Button>
          <Button kind="primary" type="submit" form="drain" changes>
            {say.drain}
          </Button>
        </>
      }
    >
      <form id="drain" onSubmit={(event) => void submit(event)}>
        <TextField label={say.reason} help={say.drainHow} value={reason} error={error} autoFocus onChange={(event) => setReason(event.target.value)} />
      </form>
    </Dialog>
  );
}
