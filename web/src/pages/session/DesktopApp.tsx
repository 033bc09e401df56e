/** A desktop in the page. noVNC comes with it, only when one is opened; the screen follows the window's size. */

import { useCallback, useEffect, useRef, useState } from "react";
import type { Session } from "@/api/types";
import { AreaField, Button, Dialog } from "@/components";
import { words } from "@/words/sessions";
import styles from "./session.module.css";
import { Desktop, type DesktopState } from "./desktop";

export function DesktopApp({ session }: { session: Session }) {
  const place = useRef<HTMLDivElement>(null);
  const desktop = useRef<Desktop | null>(null);
  const [state, setState] = useState<DesktopState>("connecting");
  const [turn, setTurn] = useState(0);
  const [pasting, setPasting] = useState(false);
  const { id } = session;
  useEffect(() => {
    if (!place.current) return;
    const one = new Desktop(place.current, id, setState);
    desktop.current = one;
    void one.open();
    return () => one.close();
  }, [id, turn]);
  const full = useCallback(() => void place.current?.requestFullscreen?.(), []);
  const open = state === "open";
  return (
    <div className={styles.desktop}>
      <div className={styles.tools} role="toolbar" aria-label={words.desktop.screen}>
        <Button small kind="quiet" disabled={!open} onClick={() => setPasting(true)}>
          {words.desktop.clipboard}
        </Button>
        <Button small kind="quiet" disabled={!open} onClick={() => desktop.current?.ctrlAltDel()}>
          {words.desktop.keys}
        </Button>
        <Button small kind="quiet" onClick={full}>
          {words.desktop.full}
        </Button>
        <span className={styles.space} role="status">
          {state === "connecting" && words.desktop.connecting}
          {state === "cut" && words.desktop.cut}
        </span>
        {state === "cut" && (
          <Button small kind="primary" onClick={() => setTurn(turn + 1)}>
            {words.desktop.again}
          </Button>
        )}
      </div>
      <div ref={place} className={styles.screen} aria-label={words.desktop.screen} />
      {pasting && (
        <Paste
          onClose={() => setPasting(false)}
          onSend={(text) => {
            desktop.current?.paste(text);
            setPasting(false);
          }}
        />
      )}
    </div>
  );
}

function Paste({ onClose, onSend }: { onClose: () => void; onSend: (text: string) => void }) {
  const [text, setText] = useState("");
  return (
    <Dialog
      open
      title={words.desktop.clipboard}
      onClose={onClose}
      actions={
        <Button kind="primary" onClick={() => onSend(text)}>
          {words.desktop.send}
        </Button>
      }
    >
      <AreaField
        label={words.desktop.clipboard}
        help={words.desktop.clipboardHow}
        value={text}
        onChange={(event) => setText(event.target.value)}
        autoFocus
      />
    </Dialog>
  );
}
