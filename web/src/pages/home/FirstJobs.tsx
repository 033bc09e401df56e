/** Before the first job: three ways to begin, each works as it stands. */

import { CopyLine, Empty, LinkButton } from "@/components";
import { words } from "@/words";
import styles from "./home.module.css";

export function FirstJobs() {
  return (
    <Empty
      title={words.home.emptyTitle}
      actions={
        <>
          <LinkButton kind="primary" to="/new/batch" icon="jobs">
            {words.home.newBatch}
          </LinkButton>
          <LinkButton to="/new/session" icon="sessions">
            {words.home.newSession}
          </LinkButton>
        </>
      }
    >
      <p>{words.home.emptyHow}</p>
      <dl className={styles.examples}>
        {words.home.examples.map(({ what, command }) => (
          <div key={command}>
            <dt>{what}</dt>
            <dd>
              <CopyLine prompt="$" text={command} />
            </dd>
          </div>
        ))}
      </dl>
    </Empty>
  );
}
