/** Terminal. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Terminal">{null}</PageFrame>;
}
