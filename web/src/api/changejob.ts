/** Changing what a job asks for: shown wherever it is shown, as the server answers. */

import type { QueryClient } from "@tanstack/react-query";
import { ref } from "@/state/jobstate";
import { api } from "./client";
import { whileChanging } from "./older";
import { jobNow, putJobs } from "./overtaken";
import type { Job } from "./types";

/** Throws what the server refuses. It may have begun with that, before the answer is here. */
export async function changeJob(client: QueryClient, job: Job, changes: Record<string, unknown>): Promise<void> {
  const asked = () => jobNow(api.post<Job>(`/v1/jobs/${ref(job)}/update`, changes));
  const things = job.id === null ? [] : [job.id];
  await whileChanging(things, async () => putJobs(client, [await asked()]));
}
