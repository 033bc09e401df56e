/** Administration. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="Administration">{null}</PageFrame>;
}
