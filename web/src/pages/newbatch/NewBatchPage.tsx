/** New batch job. */

import { Page as PageFrame } from "@/components";

export function Page() {
  return <PageFrame title="New batch job">{null}</PageFrame>;
}
