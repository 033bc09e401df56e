/** Tokens or logins in a table, with the button that ends one. */

import { useQueryClient } from "@tanstack/react-query";
import { readAgain } from "@/api/again";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import type { Token } from "@/api/types";
import { Ago, At, Button, confirm, toast, toastFailure } from "@/components";
import { words } from "@/words";
import styles from "./settings.module.css";

const { settings } = words;

interface Props {
  tokens: readonly Token[];
  none: string;
  verb: string;
  /** The login of this browser. */
  own?: string;
}

export function CredentialList({ tokens, none, verb, own }: Props) {
  const client = useQueryClient();
  const valid = tokens.filter((token) => token.revoked_at === null);
  if (valid.length === 0) return <p className="muted">{none}</p>;
  const revoke = async (token: Token) => {
    const name = token.name || token.id;
    const yes = await confirm({ title: settings.revokeAsk(name), body: settings.revokeHow, action: verb });
    if (!yes) return;
    try {
      await api.delete(`/v1/tokens/${encodeURIComponent(token.id)}`);
      await client.cancelQueries({ queryKey: keys.tokens });
      client.setQueryData<Token[]>(keys.tokens, (before) => before?.filter((one) => one.id !== token.id));
      readAgain(client, keys.tokens);
      if (token.id === own) location.assign("/login?out=1");
      else toast(settings.revoked(name));
    } catch (error) {
      toastFailure(error);
    }
  };
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">{settings.name}</th>
          <th scope="col" className={styles.wide}>
            {settings.id}
          </th>
          <th scope="col" className={styles.wide}>
            {settings.made}
          </th>
          <th scope="col">{settings.used}</th>
          <th scope="col">{settings.until}</th>
          <th scope="col">
            <span className="unseen">{verb}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {valid.map((token) => (
          <tr key={token.id}>
            <td className={styles.name}>
              {token.name || "-"}
              {token.id === own && <span className="muted"> ({settings.thisOne})</span>}
              {(token.scope !== "all" || token.account) && (
                <span className={styles.reach}>{settings.reach(token.scope, token.account)}</span>
              )}
            </td>
            <td className={`mono ${styles.wide}`}>{token.id}</td>
            <td className={styles.wide}>
              <Ago at={token.created_at} />
            </td>
            <td>{token.used_at ? <Ago at={token.used_at} /> : <span className="muted">{settings.never}</span>}</td>
            <td>{token.expires_at ? <At at={token.expires_at} /> : <span className="muted">{settings.revokedOnly}</span>}</td>
            <td className={styles.end}>
              <Button small kind="quiet" changes onClick={() => void revoke(token)} aria-label={`${verb} ${token.name || token.id}`}>
                {verb}
              </Button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
