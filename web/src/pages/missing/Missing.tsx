/** An address without a page. */

import { useLocation } from "@tanstack/react-router";
import { Empty, LinkButton, Page } from "@/components";
import { words } from "@/words";

export function Missing() {
  const { pathname } = useLocation();
  return (
    <Page title={words.missing.title} narrow>
      <p className="prose">{words.missing.page(pathname)}</p>
      <div>
        <LinkButton to="/" icon="home">
          {words.missing.home}
        </LinkButton>
      </div>
    </Page>
  );
}

/** In the place of a job that is not there, or somebody else's: the server says the same of both. */
export function NoJob({ job }: { job: string }) {
  return (
    <Page title={words.missing.title} narrow head={<></>}>
      <Empty
        title={words.missing.job(job)}
        actions={
          <LinkButton to="/jobs" icon="jobs">
            {words.nav.jobs}
          </LinkButton>
        }
      />
    </Page>
  );
}
