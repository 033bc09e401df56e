/** Whether the configuration file would do for a start, and the rules of the queue, changed while it runs. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/api/client";
import type { ConfigState, RuleChange, RulesInForce } from "@/api/types";
import { AreaField, Button, Facts, Failure, SkeletonRows, StatusMark, confirm, toast, toastFailure } from "@/components";
import { adminWords } from "@/words/cluster";
import styles from "./admin.module.css";
import { keepRules, policyQuery } from "./policy";

const say = adminWords.config;

export function Configuration() {
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(policyQuery);
  const file = useQuery({
    queryKey: ["config"],
    queryFn: ({ signal }) => api.get<ConfigState>("/v1/admin/config", undefined, signal),
    staleTime: 0,
  });
  const reload = async (query: string) => {
    try {
      await keepRules(client, await api.post<RulesInForce>(`/v1/admin/reload${query}`));
      toast(say.reloaded);
    } catch (refused) {
      toastFailure(refused);
    }
    await file.refetch();
  };
  const forget = async () => {
    if (await confirm({ title: say.forgetAsk, body: say.forgetHow, action: say.forget })) await reload("?forget=1");
  };
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={6} />;
  return (
    <div className={styles.config}>
      {file.data && <FileState {...file.data} />}
      <div className={styles.source}>
        <Facts
          facts={[
            [say.source, say.sources[data.source]],
            ...data.changes.map((one): [string, string] => [titleOf(one), one.removed ? say.removed : one.keys.join(", ") || say.made]),
          ]}
        />
        <Button icon="again" changes onClick={() => void reload("")}>
          {say.reload}
        </Button>
        {data.changes.length > 0 && (
          <Button changes onClick={() => void forget()}>
            {say.forget}
          </Button>
        )}
      </div>
      <Rules rules={data} />
    </div>
  );
}

function titleOf({ kind, name, account }: RuleChange): string {
  return [kind, name, account && `(${account})`].filter(Boolean).join(" ");
}

function FileState({ problem, unread }: ConfigState) {
  const told = problem ?? unread;
  if (told === null) return <StatusMark glyph="tick" tone="done" word={say.fileRight} />;
  return (
    <div className={styles.problem} role="alert">
      <StatusMark glyph="cross" tone="failed" word={problem === null ? say.fileUnread : say.fileWrong} />
      <p>{told}</p>
    </div>
  );
}

interface Typed {
  text: string;
  /** The rules in force as it was begun. */
  from: string;
}

/** Taken whole or not at all; what is wrong is said with its line, and nothing typed is lost. */
function Rules({ rules }: { rules: RulesInForce }) {
  const client = useQueryClient();
  const [typed, setTyped] = useState<Typed | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const text = typed?.text ?? rules.text;
  const type = (value: string) => setTyped(value === rules.text ? null : { text: value, from: typed?.from ?? rules.text });
  const put = async () => {
    // Others may have changed them: nobody replaces what was not shown to be there.
    const before = (await client.fetchQuery({ ...policyQuery, staleTime: 0 })).text;
    if (before !== rules.text) return;
    const now = await api.put<RulesInForce>("/v1/admin/policy", { text });
    await keepRules(client, now);
    // What was typed meanwhile goes on from there.
    setTyped((last) => (last === null || last.text === text ? null : { ...last, from: now.text }));
    const back = () => api.put<RulesInForce>("/v1/admin/policy", { text: before }).then((old) => keepRules(client, old), toastFailure);
    toast(say.used, { undo: () => void back() });
  };
  const use = async () => {
    setBusy(true);
    setError(null);
    await put().catch((refused: unknown) => setError((refused as Error).message));
    setBusy(false);
  };
  const leave = () => {
    setTyped(null);
    toast(say.left, { undo: () => setTyped(typed) });
  };
  return (
    <>
      {typed !== null && typed.from !== rules.text && <Meanwhile text={rules.text} onLeave={leave} />}
      <AreaField label={say.text} help={say.textHow} error={error} value={text} rows={24} spellCheck={false} onChange={(event) => type(event.target.value)} />
      <div>
        <Button kind="primary" changes busy={busy} disabled={text === rules.text} onClick={() => void use()}>
          {say.use}
        </Button>
      </div>
    </>
  );
}

/** What is in force now, beside what somebody typed from what was. */
function Meanwhile({ text, onLeave }: { text: string; onLeave: () => void }) {
  const [shown, setShown] = useState(false);
  return (
    <div className={`${styles.problem} ${styles.meanwhile}`} role="alert">
      <strong>{say.meanwhile}</strong>
      <p>{say.meanwhileHow}</p>
      <div className={styles.choices}>
        <Button small aria-expanded={shown} onClick={() => setShown(!shown)}>
          {shown ? say.hideNow : say.showNow}
        </Button>
        <Button small onClick={onLeave}>
          {say.leave}
        </Button>
      </div>
      {shown && <AreaField label={say.now} value={text} rows={12} spellCheck={false} readOnly />}
    </div>
  );
}
