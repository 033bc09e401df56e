/** Whether the configuration file would do for a start, and the rules of the queue, changed while it runs. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api } from "@/api/client";
import type { ConfigState, RuleChange, RulesInForce } from "@/api/types";
import { AreaField, Button, Facts, Failure, SkeletonRows, StatusMark, confirm, toast, toastFailure } from "@/components";
import { adminWords } from "@/words/cluster";
import styles from "./admin.module.css";
import { policyKey, policyQuery } from "./policy";

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
      client.setQueryData(policyKey, await api.post<RulesInForce>(`/v1/admin/reload${query}`));
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

/** Taken whole or not at all; what is wrong is said with its line, and nothing typed is lost. */
function Rules({ rules }: { rules: RulesInForce }) {
  const client = useQueryClient();
  const [text, setText] = useState(rules.text);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => setText(rules.text), [rules.text]);
  const use = async () => {
    setBusy(true);
    setError(null);
    try {
      const before = rules.text;
      client.setQueryData(policyKey, await api.put<RulesInForce>("/v1/admin/policy", { text }));
      const back = () =>
        api.put<RulesInForce>("/v1/admin/policy", { text: before }).then((now) => client.setQueryData(policyKey, now), toastFailure);
      toast(say.used, { undo: () => void back() });
    } catch (refused) {
      setError((refused as Error).message);
    }
    setBusy(false);
  };
  return (
    <>
      <AreaField label={say.text} help={say.textHow} error={error} value={text} rows={24} spellCheck={false} onChange={(event) => setText(event.target.value)} />
      <div>
        <Button kind="primary" changes busy={busy} disabled={text === rules.text} onClick={() => void use()}>
          {say.use}
        </Button>
      </div>
    </>
  );
}
