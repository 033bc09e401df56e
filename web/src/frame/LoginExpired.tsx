/** The login is over while somebody works: a dialog over the page, which stays as it is and goes on after. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { onLoginExpired } from "@/api/client";
import { keys } from "@/api/keys";
import { reopen } from "@/api/connection";
import { meQuery } from "@/api/queries";
import { Dialog } from "@/components";
import { LoginForm } from "@/pages/login/LoginForm";
import { onLoggedIn } from "@/pages/login/login";
import { words } from "@/words";

export function LoginExpired() {
  const [expired, setExpired] = useState(false);
  const client = useQueryClient();
  useEffect(() => onLoginExpired(() => setExpired(true)), []);
  useEffect(() => {
    const resume = async () => {
      await client.fetchQuery({ ...meQuery, staleTime: 0 });
      setExpired(false);
      reopen();
      await client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== keys.me[0] });
    };
    return onLoggedIn(() => void resume());
  }, [client]);
  return (
    <Dialog open={expired} stays title={words.login.expired} onClose={() => undefined}>
      <p className="prose">{words.login.expiredHow}</p>
      <LoginForm />
      <p className="muted small">{words.login.elsewhere}</p>
    </Dialog>
  );
}
