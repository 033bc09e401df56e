/** One cell a node, filled by what is allocated of it, one's own part in the accent; hatched where nothing runs. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { jobsQuery, nodesQuery, useClusters, useMe } from "@/api/queries";
import type { Job, Node } from "@/api/types";
import { Choice, Empty, Failure, SkeletonRows } from "@/components";
import { ACTIVE } from "@/state/jobstate";
import { useSearch } from "@/state/useSearch";
import { clusterWords as say } from "@/words/cluster";
import { type By, amount, kindsOf, mineByNode, shareOf } from "./allocation";
import styles from "./cluster.module.css";
import { Forecast } from "./Forecast";
import { NodePanel } from "./NodePanel";

/** From so many on cells are small and bear no name. */
const MANY = 120;

export function Nodes() {
  const me = useMe();
  const [search, setSearch] = useSearch();
  const { data: every, error, refetch } = useQuery(nodesQuery);
  const clusters = useClusters();
  const cluster = clusters.find((name) => name === search.cluster) ?? "";
  const nodes = useMemo(() => every?.filter((node) => !cluster || node.cluster === cluster), [every, cluster]);
  const { data: mine, refetch: readMine } = useQuery(jobsQuery({ state: ACTIVE.join(), user: me.user, limit: 1000 }));
  const jobs = useMemo(() => (mine?.jobs ?? []).filter((job) => job.nodes.length > 0 && ACTIVE.includes(job.state)), [mine]);
  const taken = nodes?.reduce((sum, node) => sum + node.used.jobs, 0);
  useEffect(() => {
    // One's own part goes with the whole, which is read anew at most once a second.
    if (taken !== undefined) void readMine();
  }, [taken, readMine]);
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!nodes) return <SkeletonRows rows={8} />;
  if (nodes.length === 0) return <Empty title={say.emptyTitle}>{say.emptyHow}</Empty>;
  const kinds = kindsOf(nodes);
  const by = kinds.find((kind) => kind === search.by) ?? "cpu";
  const open = nodes.find((node) => node.name === search.node);
  return (
    <div className={styles.columns}>
      <section className={styles.main} aria-label={say.tabs.nodes}>
        <div className={styles.tools}>
          <Choice label={say.by} value={by} options={kinds.map((kind) => ({ value: kind, name: say.kinds[kind] }))} onChange={(kind) => setSearch({ by: kind })} />
          {clusters.length > 0 && (
            <Choice
              label={say.cluster}
              value={cluster}
              options={[{ value: "", name: say.all }, ...clusters.map((name) => ({ value: name, name }))]}
              onChange={(name) => setSearch({ cluster: name || undefined })}
            />
          )}
          <span className="muted">{say.totals(nodes.length, nodes.filter((node) => node.state !== "UP").length)}</span>
          <Legend />
        </div>
        <Grid nodes={by === "gpu" ? nodes.filter((node) => node.gpus > 0) : nodes} jobs={jobs} by={by} onOpen={(node) => setSearch({ node })} />
      </section>
      <Forecast nodes={nodes} cluster={cluster} />
      {open && <NodePanel node={open} jobs={jobs} onClose={() => setSearch({ node: undefined })} />}
    </div>
  );
}

function Grid({ nodes, jobs, by, onOpen }: { nodes: readonly Node[]; jobs: readonly Job[]; by: By; onOpen: (node: string) => void }) {
  const mine = useMemo(() => mineByNode(jobs, by), [jobs, by]);
  const many = nodes.length > MANY;
  return (
    <ul className={many ? styles.many : styles.grid} aria-label={say.grid}>
      {nodes.map((node) => (
        <Cell key={node.name} node={node} by={by} mine={mine} small={many} onOpen={onOpen} />
      ))}
    </ul>
  );
}

interface CellProps {
  node: Node;
  by: By;
  mine: ReadonlyMap<string, number>;
  small: boolean;
  onOpen: (node: string) => void;
}

function Cell({ node, by, mine, small, onOpen }: CellProps) {
  const share = shareOf(node, by, mine);
  const label = say.cell(
    node.name,
    say.usedOf(amount(share.used, by).split(" ")[0] ?? "", amount(share.all, by)),
    share.mine > 0 ? say.mine(amount(share.mine, by)) : "",
    node.state === "UP" ? "" : say.states[node.state],
  );
  const part = (value: number) => `${share.all > 0 ? (value / share.all) * 100 : 0}%`;
  return (
    <li>
      <button type="button" className={`${small ? styles.dot : styles.cell} ${node.state === "UP" ? "" : styles.down}`} aria-label={small ? label : undefined} title={label} onClick={() => onOpen(node.name)}>
        <span className={styles.fill}>
          <span className={styles.others} style={{ height: part(share.used - share.mine) }} />
          <span className={styles.mine} style={{ height: part(share.mine) }} />
        </span>
        {!small && (
          <span className={styles.cellText}>
            <bdi className={styles.cellName}>{node.name}</bdi>
            <span className="muted small">{node.state === "UP" ? figures(share.used, share.all, by) : say.states[node.state]}</span>
            <span className="unseen">{share.mine > 0 ? say.mine(amount(share.mine, by)) : ""}</span>
          </span>
        )}
      </button>
    </li>
  );
}

function figures(used: number, all: number, by: By): string {
  return say.of(amount(used, by).replace(/ (CPU|GPU)s?$/, ""), amount(all, by));
}

function Legend() {
  return (
    <span className={`${styles.legend} muted small`}>
      <span className={styles.keyMine} /> {say.legend.mine}
      <span className={styles.keyOthers} /> {say.legend.others}
      <span className={styles.keyFree} /> {say.legend.free}
      <span className={styles.keyDown} /> {say.legend.down}
    </span>
  );
}
