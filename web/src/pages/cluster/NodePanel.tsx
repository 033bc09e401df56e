/** One node beside the grid: how much of it is taken, why it takes no work, and one's own jobs on it. */

import { Link } from "@tanstack/react-router";
import { useClusters } from "@/api/queries";
import type { Job, Node } from "@/api/types";
import { Bar, Facts, SidePanel, Status, StatusMark } from "@/components";
import { memory, trim } from "@/state/format";
import { ref } from "@/state/jobstate";
import { clusterWords as say } from "@/words/cluster";
import styles from "./cluster.module.css";

export function NodePanel({ node, jobs, onClose }: { node: Node; jobs: readonly Job[]; onClose: () => void }) {
  const clusters = useClusters();
  const here = jobs.filter((job) => job.nodes.includes(node.name));
  const facts: [string, React.ReactNode][] = [
    [say.node.state, <NodeMark key="state" node={node} />],
    ...(clusters.length > 0 ? ([[say.cluster, node.cluster]] as [string, string][]) : []),
    ...(node.reason ? ([[say.node.reason, node.reason]] as [string, string][]) : []),
    [say.node.cpus, <Amount key="cpu" used={node.used.cpus} all={node.cpus} text={`${trim(node.used.cpus)} / ${node.cpus}`} />],
    [say.node.memory, <Amount key="memory" used={node.used.memory_mib} all={node.memory_mib} text={`${memory(node.used.memory_mib)} / ${memory(node.memory_mib)}`} />],
  ];
  if (node.gpus > 0) facts.push([say.node.gpus, <Amount key="gpu" used={node.used.gpus} all={node.gpus} text={`${trim(node.used.gpus)} / ${node.gpus}${node.gpu_type ? ` ${node.gpu_type}` : ""}`} />]);
  if (node.features.length > 0) facts.push([say.node.features, node.features.join(", ")]);
  if (node.reservation) facts.push([say.node.reservation, node.reservation]);
  facts.push([say.node.jobs, String(node.used.jobs)]);
  return (
    <SidePanel label={node.name} onClose={onClose} title={<h2>{node.name}</h2>}>
      <Facts facts={facts} />
      <h3 className={styles.panelHead}>{say.node.mine}</h3>
      {here.length === 0 && <p className="muted">{say.node.none}</p>}
      <ul>
        {here.map((job) => (
          <li key={job.id} className={styles.jobLine}>
            <Link to="/jobs/$job" params={{ job: ref(job) }}>
              {ref(job)} {job.name}
            </Link>
            <Status state={job.state} />
          </li>
        ))}
      </ul>
    </SidePanel>
  );
}

export function NodeMark({ node }: { node: Node }) {
  if (node.state === "UP") return <StatusMark glyph="full" tone="done" word={say.states.UP} />;
  if (node.state === "DRAIN") return <StatusMark glyph="pause" tone="pending" word={say.states.DRAIN} />;
  return <StatusMark glyph="bang" tone="ours" word={say.states.DOWN} />;
}

function Amount({ used, all, text }: { used: number; all: number; text: string }) {
  return (
    <span className={styles.amount}>
      <span>{text}</span>
      <Bar part={used} whole={all} label={text} free />
    </span>
  );
}
