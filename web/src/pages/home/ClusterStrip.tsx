/** The cluster in one strip: what is in use of what there is. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { nodesQuery, statusQuery } from "@/api/queries";
import type { Node } from "@/api/types";
import { Bar } from "@/components";
import { amount, count, memory } from "@/state/format";
import { words } from "@/words";
import styles from "./home.module.css";

export function ClusterStrip() {
  const { data: nodes } = useQuery(nodesQuery);
  const { data: status } = useQuery(statusQuery);
  if (!nodes) return <section className={styles.strip} aria-label={words.home.cluster} />;
  const down = nodes.filter((node) => node.state !== "UP").length;
  const gpus = sum(nodes, (node) => node.gpus);
  return (
    <section className={styles.strip} aria-label={words.home.cluster}>
      <Link to="/cluster" className={styles.stripName}>
        <h2>{words.home.cluster}</h2>
      </Link>
      <Meter
        name={words.home.cpus}
        part={sum(nodes, (node) => node.used.cpus)}
        whole={sum(nodes, (node) => node.cpus)}
        shown={amount}
      />
      <Meter
        name={words.home.memory}
        part={sum(nodes, (node) => node.used.memory_mib)}
        whole={sum(nodes, (node) => node.memory_mib)}
        shown={memory}
      />
      {gpus > 0 && (
        <Meter name={words.home.gpus} part={sum(nodes, (node) => node.used.gpus)} whole={gpus} shown={amount} />
      )}
      <span className={styles.stripFacts}>
        {count(nodes.length, "node")}
        {down > 0 && `, ${words.home.down(down)}`}
        {status && ` · ${words.home.queued(status.jobs.PENDING ?? 0)}`}
      </span>
    </section>
  );
}

interface MeterProps {
  name: string;
  part: number;
  whole: number;
  shown: (value: number) => string;
}

function Meter({ name, part, whole, shown }: MeterProps) {
  const told = words.home.of(shown(part), shown(whole));
  return (
    <div className={styles.meter}>
      <span className={styles.meterWords}>
        <span className="muted">{name}</span> <span className="mono">{told}</span>
      </span>
      <Bar part={part} whole={whole} label={`${name}: ${told}`} free />
    </div>
  );
}

function sum(nodes: readonly Node[], of: (node: Node) => number): number {
  return nodes.reduce((total, node) => total + of(node), 0);
}
