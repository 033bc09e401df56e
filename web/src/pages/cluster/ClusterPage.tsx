/** Cluster. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Cluster">{null}</PageFrame>;
}
