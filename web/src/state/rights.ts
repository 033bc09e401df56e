/** What somebody may, as `/v1/me` tells it: pages ask for rights, never for a role. */

import type { Me } from "@/api/types";

/** Whether lists have jobs of others for them: all, or those of an account. */
export function seesOthers(me: Me): boolean {
  return me.rights.includes("see-all") || me.coordinates.length > 0;
}

/** Whether there is anything on the pages of administration for them. */
export function administers(me: Me): boolean {
  return me.rights.includes("nodes") || me.rights.includes("rules") || me.rights.includes("audit");
}
