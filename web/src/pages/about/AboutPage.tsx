/** About: which server this is, how it is, and what it is made of. */

import { useQuery } from "@tanstack/react-query";
import { statusQuery, useMe } from "@/api/queries";
import { Ago, Facts, Failure, Page as PageFrame, Section, SkeletonRows } from "@/components";
import { memory } from "@/state/format";
import { words } from "@/words";

export function Page() {
  const me = useMe();
  const status = useQuery(statusQuery);
  const facts = status.data;
  return (
    <PageFrame title={words.about.title} narrow>
      <p className="prose">{words.about.what}</p>
      <Section title={words.about.server}>
        {status.error && <Failure error={status.error} retry={() => void status.refetch()} />}
        {status.isPending && <SkeletonRows rows={5} />}
        {facts && (
          <Facts
            facts={[
              [words.about.version, <span className="mono">{facts.version}</span>],
              [words.about.cluster, me.cluster],
              [words.about.up, <Ago at={facts.started_at * 1000} />],
              [words.about.machine, words.about.has(facts.cpus, memory(facts.memory_mib), facts.gpus, facts.nodes)],
              [words.about.mode, words.about.modes[me.mode]],
              [words.about.enforced, enforcedOf(facts.enforcement)],
              [words.about.state, <code>{facts.state}</code>],
              [words.about.url, <code>{facts.url}</code>],
            ]}
          />
        )}
      </Section>
      <Section title={words.about.more}>
        <ul>
          <li>
            <a href="/openapi.json">{words.frame.docs}</a>
          </li>
          <li>{words.about.license}</li>
        </ul>
      </Section>
    </PageFrame>
  );
}

function enforcedOf(enforcement: Record<string, unknown>): string {
  const told = Object.entries(enforcement).filter(([, how]) => how);
  return told.length > 0 ? told.map(([name, how]) => `${name} (${String(how)})`).join(", ") : words.about.nothing;
}
