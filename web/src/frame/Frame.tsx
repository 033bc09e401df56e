/** What stands around every page: rail, top bar, and what may lie over it. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { useEffect } from "react";
import { connect } from "@/api/connection";
import { Icon, type IconName } from "@/components";
import { setAnnouncePlace } from "@/components/announce";
import { ConfirmPlace } from "@/components/confirm";
import { Toasts } from "@/components/Toasts";
import { words } from "@/words";
import { LoginExpired } from "./LoginExpired";
import { Mark } from "./Mark";
import { Palette } from "./Palette";
import { StaleBar } from "./StaleBar";
import { TopBar } from "./TopBar";
import { useNotifications } from "./notifications";
import { useLogin } from "./useLogin";
import styles from "./Frame.module.css";

const PLACES: readonly { to: string; name: string; icon: IconName; exact?: boolean }[] = [
  { to: "/", name: words.nav.home, icon: "home", exact: true },
  { to: "/jobs", name: words.nav.jobs, icon: "jobs" },
  { to: "/sessions", name: words.nav.sessions, icon: "sessions" },
  { to: "/files", name: words.nav.files, icon: "files" },
  { to: "/cluster", name: words.nav.cluster, icon: "cluster" },
];

/** The page waits until it is known who looks. */
export function Frame() {
  return useLogin() ?? <Filled />;
}

function Filled() {
  const client = useQueryClient();
  useEffect(() => connect(client), [client]);
  useNotifications();
  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#content">
        {words.frame.skip}
      </a>
      <nav className={styles.rail} aria-label={words.product}>
        <Link to="/" className={styles.brand} aria-label={words.product}>
          <Mark />
          <span>{words.product}</span>
        </Link>
        <ul>
          {PLACES.map((place) => (
            <li key={place.to}>
              <Link to={place.to} className={styles.place} activeOptions={{ exact: place.exact ?? false }}>
                <Icon name={place.icon} />
                <span>{place.name}</span>
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <TopBar />
      <StaleBar />
      <main id="content" className={styles.content} tabIndex={-1}>
        <Outlet />
      </main>
      <Toasts />
      <ConfirmPlace />
      <Palette />
      <LoginExpired />
      <div className="unseen" role="log" aria-live="polite" ref={setAnnouncePlace} />
    </div>
  );
}
