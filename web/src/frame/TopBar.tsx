/** Cluster, search, New, the bell and you. */

import { useQueryClient } from "@tanstack/react-query";
import { useMe } from "@/api/queries";
import { api } from "@/api/client";
import { Button, Icon, IconButton, Menu, MenuItem, MenuLine, MenuTitle, toastFailure } from "@/components";
import { type Theme, setTheme, useTheme } from "@/state/preference";
import { administers } from "@/state/rights";
import { words } from "@/words";
import { Bell } from "./Bell";
import { openPalette } from "./Palette";
import styles from "./TopBar.module.css";

const { frame } = words;

export function TopBar() {
  const me = useMe();
  return (
    <header className={styles.bar}>
      <span className={styles.cluster} title={me.cluster}>
        {me.cluster}
      </span>
      <button type="button" className={styles.search} onClick={openPalette} aria-keyshortcuts="Control+K Meta+K">
        <Icon name="search" />
        <span className={styles.searchText}>{frame.search}</span>
        <kbd className={styles.keys}>{isApple() ? "⌘K" : "Ctrl K"}</kbd>
      </button>
      <Menu
        label={frame.new}
        align="end"
        button={(properties) => (
          <Button kind="primary" icon="plus" {...properties}>
            {frame.new}
          </Button>
        )}
      >
        <MenuItem icon="sessions" to="/new/session" note={frame.newSessionHow}>
          <b>{frame.newSession}</b>
        </MenuItem>
        <MenuItem icon="jobs" to="/new/batch" note={frame.newBatchHow}>
          <b>{frame.newBatch}</b>
        </MenuItem>
      </Menu>
      <Bell />
      <UserMenu />
    </header>
  );
}

function UserMenu() {
  const me = useMe();
  const theme = useTheme();
  const client = useQueryClient();
  const logOut = async () => {
    try {
      await api.post("/logout");
      client.clear();
      location.assign("/login?out=1");
    } catch (error) {
      toastFailure(error);
    }
  };
  return (
    <Menu
      label={me.user}
      align="end"
      button={(properties) => <IconButton icon="user" label={me.user || frame.user} {...properties} />}
    >
      <MenuTitle>{me.user}</MenuTitle>
      <MenuItem icon="gear" to="/settings">
        {frame.settings}
      </MenuItem>
      <MenuItem icon="key" to="/settings/tokens">
        {frame.tokens}
      </MenuItem>
      {administers(me) && (
        <MenuItem icon="cluster" to="/admin">
          {frame.admin}
        </MenuItem>
      )}
      <MenuLine />
      <MenuTitle>{frame.theme}</MenuTitle>
      {(Object.keys(frame.themes) as Theme[]).map((one) => (
        <MenuItem key={one} checked={one === theme} onSelect={() => setTheme(one)}>
          {frame.themes[one]}
        </MenuItem>
      ))}
      <MenuLine />
      <MenuItem icon="book" href="/openapi.json">
        {frame.docs}
      </MenuItem>
      <MenuItem icon="info" to="/about">
        {frame.about}
      </MenuItem>
      <MenuItem icon="out" onSelect={() => void logOut()}>
        {frame.logOut}
      </MenuItem>
    </Menu>
  );
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.platform);
}
