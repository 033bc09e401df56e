/** Jobs. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Jobs">{null}</PageFrame>;
}
