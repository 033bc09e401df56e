/** Session. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Session">{null}</PageFrame>;
}
