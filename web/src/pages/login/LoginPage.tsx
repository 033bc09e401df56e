/** `/login#CODE`: the code is used at once and taken out of the address. Without one: how to get one. */

import { useEffect, useRef, useState } from "react";
import { Problem } from "@/api/client";
import { Mark } from "@/frame/Mark";
import { words } from "@/words";
import { LoginForm } from "./LoginForm";
import { logIn, nextPage, onLoggedIn } from "./login";
import styles from "./login.module.css";

export function Page() {
  const code = useRef(location.hash.slice(1));
  const elsewhere = words.login.refusedBy(new URLSearchParams(location.search).get("refused"));
  const [refused, setRefused] = useState<string | null>(elsewhere);
  const [working, setWorking] = useState(code.current !== "");
  const out = new URLSearchParams(location.search).has("out");
  useEffect(() => {
    document.title = `${words.login.title} · ${words.product}`;
    return onLoggedIn(() => {
      // Another tab: its link's page is there, ours is where this tab came from. Our own link goes on below.
      if (!code.current) location.replace(nextPage(location.search));
    });
  }, []);
  useEffect(() => {
    const once = code.current;
    if (!once) return;
    // A code works once; still it has no business in the history.
    history.replaceState(null, "", location.pathname + location.search);
    logIn(once)
      .then((told) => location.replace(nextPage(location.search, told)))
      .catch((error: unknown) => {
        code.current = "";
        setRefused(error instanceof Problem ? error.message : String(error));
        setWorking(false);
      });
  }, []);
  return (
    <main className={styles.page}>
      <header className={styles.brand}>
        <Mark />
        <span>{words.product}</span>
      </header>
      <h1>{words.login.title}</h1>
      {working ? (
        <p role="status">{words.login.working}</p>
      ) : (
        <>
          {out && !refused && <p role="status">{words.login.out}</p>}
          <LoginForm refused={refused} title={refused === elsewhere ? words.login.notIn : undefined} />
        </>
      )}
    </main>
  );
}
