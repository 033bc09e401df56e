/** Tokens: made, shown once, revoked. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readAgain } from "@/api/again";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { tokensQuery, useMe } from "@/api/queries";
import type { MadeToken, Token } from "@/api/types";
import { Button, CopyLine, Failure, Section, SelectField, SkeletonRows, TextField, toastFailure } from "@/components";
import { words } from "@/words";
import { CredentialList } from "./CredentialList";
import styles from "./settings.module.css";

const { settings } = words;
const DAY_S = 86_400;
const SCOPES = (["all", "submit", "read"] as const).map((value) => ({ value, name: settings.scopes[value] }));
const LASTS = ["1", "7", "30", "90", "365", ""].map((value) => ({ value, name: settings.lasts(value) }));

export function Tokens() {
  const me = useMe();
  const tokens = useQuery(tokensQuery);
  const mine = (tokens.data ?? []).filter((token) => token.kind === "token" && token.user === me.user);
  return (
    <>
      <p className={styles.how}>{settings.tokensHow}</p>
      <NewToken />
      <Section title={words.frame.tokens}>
        {tokens.error && <Failure error={tokens.error} retry={() => void tokens.refetch()} />}
        {tokens.isPending && <SkeletonRows rows={3} />}
        {tokens.data && <CredentialList tokens={mine} none={settings.tokensNone} verb={settings.revoke} />}
      </Section>
    </>
  );
}

function NewToken() {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Token["scope"]>("all");
  const [days, setDays] = useState("30");
  const [account, setAccount] = useState("");
  const [made, setMade] = useState<MadeToken | null>(null);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const make = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const token = await api.post<MadeToken>("/v1/tokens", {
        name,
        scope,
        ...(days ? { lasts_s: Number(days) * DAY_S } : {}),
        ...(account ? { account } : {}),
      });
      setMade(token);
      setName("");
      const { token: _, ...rest } = token;
      // A list that is on its way is from before.
      await client.cancelQueries({ queryKey: keys.tokens });
      client.setQueryData<Token[]>(keys.tokens, (before) => [rest, ...(before ?? [])]);
      readAgain(client, keys.tokens);
    } catch (error) {
      toastFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section title={settings.tokenMake}>
      <form className={styles.make} onSubmit={(event) => void make(event)}>
        <TextField
          label={settings.tokenName}
          value={name}
          maxLength={100}
          onChange={(event) => setName(event.target.value)}
          className={styles.grow}
        />
        <SelectField
          label={settings.tokenScope}
          value={scope}
          options={SCOPES}
          onChange={(event) => setScope(event.target.value as Token["scope"])}
        />
        <SelectField label={settings.tokenUntil} value={days} options={LASTS} onChange={(event) => setDays(event.target.value)} />
        {scope !== "read" && (
          <TextField
            label={settings.tokenAccount}
            value={account}
            maxLength={100}
            placeholder={settings.tokenAnyAccount}
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setAccount(event.target.value)}
          />
        )}
        <Button type="submit" kind="primary" busy={busy} changes>
          {settings.tokenMake}
        </Button>
      </form>
      {made && (
        <div className={styles.made} role="status">
          <b>{settings.tokenMade}</b>
          <CopyLine text={made.token} />
        </div>
      )}
    </Section>
  );
}
