/** What it runs, and in what: script or command, runtime environment, metadata. */

import { useQuery } from "@tanstack/react-query";
import type { Job } from "@/api/types";
import { CopyButton, Facts, Failure, Section, SkeletonRows } from "@/components";
import { jobWords } from "@/words/jobs";
import { textsQuery } from "./questions";
import styles from "./job.module.css";

const { job: said } = jobWords;

export function ScriptAndEnvironment({ job, id }: { job: Job; id: string }) {
  const { data, error, refetch } = useQuery(textsQuery(id, job));
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={8} />;
  const metadata = Object.entries(job.metadata);
  return (
    <div className={styles.stack}>
      {data.script !== null && <Code title={said.script} text={data.script} />}
      {job.command && <Code title={said.command} text={job.command} />}
      <Section title={said.runtimeEnv}>
        {data.runtimeEnv ? (
          <pre className={styles.code} tabIndex={0}>{JSON.stringify(data.runtimeEnv, null, 2)}</pre>
        ) : (
          <p className="muted">{said.noEnv}</p>
        )}
      </Section>
      {metadata.length > 0 && (
        <Section title={said.metadata}>
          <Facts facts={metadata} />
        </Section>
      )}
    </div>
  );
}

function Code({ title, text }: { title: string; text: string }) {
  return (
    <Section title={title} aside={<CopyButton text={text} />}>
      <pre className={styles.code} tabIndex={0}>
        {text}
      </pre>
    </Section>
  );
}
