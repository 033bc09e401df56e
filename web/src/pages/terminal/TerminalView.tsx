/** The screen of a terminal and its connection. xterm.js comes with this module, so only when one is opened. */

import { useEffect, useRef } from "react";
import { Connection, type ConnectionState } from "./connection";
import { Screen } from "./screen";
import styles from "./terminal.module.css";

export type { ConnectionState } from "./connection";

export function TerminalView(props: { id: string; label: string; onState: (state: ConnectionState) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const { id } = props;
  useEffect(() => {
    if (!place.current) return;
    const screen = new Screen(place.current, latest.current.label);
    const connection = new Connection(id, {
      state: (state) => latest.current.onState(state),
      printed: (data) => screen.write(data),
      opened: () => {
        // What comes first is the latest part of what was shown: on an empty screen it is not there twice.
        screen.clear();
        connection.size(screen.rows, screen.cols);
      },
    });
    screen.onType((data) => connection.type(data));
    screen.onSize((rows, cols) => connection.size(rows, cols));
    connection.open();
    return () => {
      connection.close();
      screen.close();
    };
  }, [id]);
  return <div ref={place} className={styles.place} />;
}
