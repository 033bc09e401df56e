/** What a code means, of a refusal or of why a job waits or ended: where `ly why` and a job's reason lead. */

import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { CopyLine, Failure, Page as PageFrame, Section, SkeletonRows } from "@/components";
import { words } from "@/words";
import styles from "./meaning.module.css";

interface Meaning {
  meaning: string;
  help: string;
  command: string;
}

const { meaning: said } = words;

export function Page() {
  const { code = "" } = useParams({ strict: false }) as { code?: string };
  const { data, error, isPending, refetch } = useQuery({
    queryKey: keys.meaning(code),
    queryFn: ({ signal }) => api.get<Meaning>(`/v1/errors/${encodeURIComponent(code)}`, undefined, signal),
    staleTime: Infinity,
  });
  return (
    <PageFrame title={titleOf(code)} narrow>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {isPending && <SkeletonRows rows={4} />}
      {data && <p className="prose">{marked(data.meaning)}</p>}
      {data?.help && (
        <Section title={said.help}>
          <div className={styles.help}>
            <p>{marked(data.help)}</p>
            <CopyLine text={data.command} />
            <p className="muted small">{said.examples}</p>
          </div>
        </Section>
      )}
    </PageFrame>
  );
}

/** A word of its own stands before the codes of jobs. */
function titleOf(code: string): string {
  if (code.startsWith("wait:")) return said.wait(code.slice(5));
  if (code.startsWith("end:")) return said.end(code.slice(4));
  return said.refused(code);
}

/** What stands between backquotes is code. */
function marked(text: string) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}
