/** Group. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Group">{null}</PageFrame>;
}
