/** Files. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Files">{null}</PageFrame>;
}
