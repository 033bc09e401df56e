/** Sessions. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Sessions">{null}</PageFrame>;
}
