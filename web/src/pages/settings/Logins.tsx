/** The browsers in which one is logged in; a login that ends is refused at once, also where it is in use. */

import { useQuery } from "@tanstack/react-query";
import { tokensQuery, useMe } from "@/api/queries";
import { Failure, SkeletonRows } from "@/components";
import { words } from "@/words";
import { CredentialList } from "./CredentialList";
import styles from "./settings.module.css";

export function Logins() {
  const me = useMe();
  const tokens = useQuery(tokensQuery);
  const mine = (tokens.data ?? []).filter((token) => token.kind === "browser" && token.user === me.user);
  return (
    <>
      <p className={styles.how}>{words.settings.loginsHow}</p>
      {tokens.error && <Failure error={tokens.error} retry={() => void tokens.refetch()} />}
      {tokens.isPending && <SkeletonRows rows={3} />}
      {tokens.data && (
        <CredentialList tokens={mine} none={words.settings.loginsNone} verb={words.settings.end} own={me.login?.id} />
      )}
    </>
  );
}
