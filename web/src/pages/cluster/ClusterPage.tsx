/** Cluster: every node at a glance, the queue before it, when something will be free; Usage beside it. */

import { useParams } from "@tanstack/react-router";
import { Page as PageFrame, Tabs } from "@/components";
import { clusterWords as say } from "@/words/cluster";
import { Nodes } from "./Nodes";
import { Usage } from "./Usage";

const TABS = [
  { to: "/cluster", name: say.tabs.nodes, exact: true },
  { to: "/cluster/usage", name: say.tabs.usage },
];

export function Page() {
  const { tab } = useParams({ strict: false }) as { tab?: string };
  return (
    <PageFrame title={say.title} tabs={<Tabs label={say.title} tabs={TABS} />}>
      {tab === "usage" ? <Usage /> : <Nodes />}
    </PageFrame>
  );
}
