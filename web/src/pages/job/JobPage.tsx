/** Job. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Job">{null}</PageFrame>;
}
