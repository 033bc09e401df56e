/** Administration: nodes, partitions, who was refused, and the configuration. For administrators. */

import { useParams } from "@tanstack/react-router";
import { useMe } from "@/api/queries";
import { Empty, Page as PageFrame, Tabs } from "@/components";
import { adminWords as say } from "@/words/cluster";
import { Audit } from "./Audit";
import { Configuration } from "./Configuration";
import { NodeTable } from "./NodeTable";
import { Partitions } from "./Partitions";

const TABS = [
  { to: "/admin", name: say.tabs.nodes, exact: true },
  { to: "/admin/partitions", name: say.tabs.partitions },
  { to: "/admin/audit", name: say.tabs.audit },
  { to: "/admin/config", name: say.tabs.config },
];

export function Page() {
  const { admin } = useMe();
  const { tab } = useParams({ strict: false }) as { tab?: string };
  if (!admin)
    return (
      <PageFrame title={say.title}>
        <Empty title={say.onlyAdmins} />
      </PageFrame>
    );
  return (
    <PageFrame title={say.title} tabs={<Tabs label={say.title} tabs={TABS} />}>
      {tab === "partitions" ? <Partitions /> : tab === "audit" ? <Audit /> : tab === "config" ? <Configuration /> : <NodeTable />}
    </PageFrame>
  );
}
