/** New session. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="New session">{null}</PageFrame>;
}
