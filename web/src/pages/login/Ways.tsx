/** Ways to log in that the site offers beside links: a password, another server that knows who somebody is. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Problem, api } from "@/api/client";
import type { LoginWays } from "@/api/types";
import { Button, TextField } from "@/components";
import { words } from "@/words";
import { logInBy, nextPage } from "./login";
import styles from "./login.module.css";

const say = words.login;

export function Ways() {
  const { data } = useQuery({
    queryKey: ["login-ways"],
    queryFn: ({ signal }) => api.get<LoginWays>("/v1/login-ways", {}, signal),
    staleTime: Infinity,
  });
  if (!data || !(data.password || data.oidc)) return null;
  return (
    <div className={styles.ways}>
      {data.password && <Password />}
      {data.oidc && (
        <a className={styles.other} href={`/v1/login/oidc?next=${encodeURIComponent(nextPage(location.search))}`}>
          {say.by(data.oidc)}
        </a>
      )}
      <p className={styles.or}>{say.or}</p>
    </div>
  );
}

function Password() {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!user) return setError(say.noName);
    setBusy(true);
    setError(null);
    try {
      await logInBy(user, password);
    } catch (problem) {
      setError(problem instanceof Problem ? problem.message : String(problem));
    } finally {
      setPassword("");
      setBusy(false);
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <TextField
        label={say.user}
        value={user}
        maxLength={256}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        onChange={(event) => setUser(event.target.value)}
      />
      <TextField
        label={say.password}
        type="password"
        value={password}
        maxLength={256}
        autoComplete="current-password"
        error={error}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Button kind="primary" type="submit" busy={busy}>
        {busy ? say.working : say.go}
      </Button>
    </form>
  );
}
