/** How to log in, and the field for the link. */

import { type FormEvent, useState } from "react";
import { Problem } from "@/api/client";
import { Button, CopyLine, TextField } from "@/components";
import { words } from "@/words";
import { Ways } from "./Ways";
import { codeOf, logIn } from "./login";
import styles from "./login.module.css";

export function LoginForm({ refused, title }: { refused?: string | null; title?: string }) {
  const [text, setText] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const code = codeOf(text);
    if (!code) return setError(words.login.empty);
    setBusy(true);
    setError(null);
    try {
      await logIn(code);
      setText("");
    } catch (problem) {
      setError(problem instanceof Problem ? problem.message : String(problem));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {refused && (
        <div className={styles.refused} role="alert">
          <b>{title ?? words.login.refusedTitle}</b>
          <p>{refused}</p>
        </div>
      )}
      <Ways />
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <p>{words.login.how}</p>
      <CopyLine prompt="$" text={words.login.command} />
      <p>{words.login.then}</p>
      <TextField
        label={words.login.field}
        error={error}
        value={text}
        onChange={(event) => setText(event.target.value)}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        className={styles.field}
      />
      <Button kind="primary" type="submit" busy={busy}>
        {busy ? words.login.working : words.login.go}
      </Button>
      </form>
    </>
  );
}
