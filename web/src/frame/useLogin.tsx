/** Who looks: known, led to the login page, or not to be found out now. */

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Problem } from "@/api/client";
import { meQuery } from "@/api/queries";
import { Failure } from "@/components";
import { words } from "@/words";
import styles from "./Frame.module.css";

/** Null once it is known who looks; until then, what to show. */
export function useLogin(): React.ReactNode | null {
  const me = useQuery(meQuery);
  const refused = me.error instanceof Problem && me.error.status === 401;
  useEffect(() => {
    // Only before the first page: later the login is renewed over the page, and nothing on it is lost.
    if (!refused || me.data) return;
    const here = location.pathname + location.search;
    location.replace(here === "/" ? "/login" : `/login?next=${encodeURIComponent(here)}`);
  }, [refused, me.data]);
  if (me.data) return null;
  if (me.error && !refused) return <Unreached error={me.error} retry={() => void me.refetch()} />;
  return <></>;
}

function Unreached({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <main className={styles.alone}>
      <h1>{words.product}</h1>
      <Failure error={error} retry={retry} />
    </main>
  );
}
