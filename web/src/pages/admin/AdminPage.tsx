/** Administration: nodes, partitions, who was refused, and the configuration; each for who has the right to it. */

import { useParams } from "@tanstack/react-router";
import { useMe } from "@/api/queries";
import { Empty, Page as PageFrame, Tabs } from "@/components";
import { adminWords as say } from "@/words/cluster";
import { Audit } from "./Audit";
import { Configuration } from "./Configuration";
import { NodeTable } from "./NodeTable";
import { Partitions } from "./Partitions";

const TABS = [
  { to: "/admin", name: say.tabs.nodes, exact: true, right: "nodes", Shown: NodeTable },
  { to: "/admin/partitions", name: say.tabs.partitions, right: "rules", Shown: Partitions },
  { to: "/admin/audit", name: say.tabs.audit, right: "audit", Shown: Audit },
  { to: "/admin/config", name: say.tabs.config, right: "rules", Shown: Configuration },
] as const;

export function Page() {
  const { rights } = useMe();
  const { tab } = useParams({ strict: false }) as { tab?: string };
  const tabs = TABS.filter((one) => rights.includes(one.right));
  const here = tabs.find((one) => one.to === (tab ? `/admin/${tab}` : "/admin"));
  if (!here)
    return (
      <PageFrame title={say.title}>
        <Empty title={say.onlyAdmins} />
      </PageFrame>
    );
  return (
    <PageFrame title={say.title} tabs={<Tabs label={say.title} tabs={tabs} />}>
      <here.Shown />
    </PageFrame>
  );
}
