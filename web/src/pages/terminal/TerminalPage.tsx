/**
 * A terminal that fills the window: in a job (`?job=`), a folder (`?path=`), or one that is open (`?id=`).
 * It names its host. The connection may break, the shell goes on; when it is back the last of it is shown again.
 */

import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api } from "@/api/client";
import type { OpenedTerminal, TerminalList } from "@/api/types";
import { Button, Failure, SkeletonRows, StatusMark, confirm, toastFailure } from "@/components";
import { useSearch } from "@/state/useSearch";
import { words } from "@/words";
import { terminalWords as say } from "@/words/files";
import { type ConnectionState, TerminalView } from "./TerminalView";
import styles from "./terminal.module.css";

export function Page() {
  const [search, setSearch] = useSearch();
  const [terminal, setTerminal] = useState<OpenedTerminal | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const { id, job, path } = search;
  useEffect(() => {
    let left = false;
    setError(null);
    void (id ? existing(id) : open(job, path)).then(
      (opened) => {
        if (left) return;
        setTerminal(opened);
        // The address names it from now on, so that a reload comes back to it.
        if (!id) setSearch({ id: opened.id });
      },
      (refused: Error) => !left && setError(refused),
    );
    return () => {
      left = true;
    };
  }, [id, job, path, setSearch]);
  const again = () => {
    setTerminal(null);
    setSearch({ id: undefined });
  };
  if (error)
    return (
      <main className={styles.page}>
        <Bar title={say.title} onAgain={id ? again : undefined} />
        <div className={styles.message}>
          <Failure error={error} />
        </div>
      </main>
    );
  if (!terminal || (id && terminal.id !== id))
    return (
      <main className={styles.page}>
        <Bar title={say.title} />
        <SkeletonRows rows={4} />
      </main>
    );
  return <Opened key={terminal.id} terminal={terminal} onAgain={again} />;
}

function Opened({ terminal, onAgain }: { terminal: OpenedTerminal; onAgain: () => void }) {
  const navigate = useNavigate();
  const [state, setState] = useState<ConnectionState>({ kind: "connecting" });
  const [turn, setTurn] = useState(0);
  const where = `${terminal.title} ${say.at(terminal.host)}`;
  useEffect(() => {
    document.title = `${where} · ${words.product}`;
  }, [where]);
  const close = async () => {
    if (state.kind !== "ended" && !(await confirm({ title: say.closeAsk, body: say.closeHow, action: say.close }))) return;
    try {
      if (state.kind !== "ended") await api.delete(`/v1/terminals/${terminal.id}`);
      if (terminal.job !== null) void navigate({ to: "/jobs/$job", params: { job: String(terminal.job) } });
      else void navigate({ to: "/files" });
    } catch (refused) {
      toastFailure(refused);
    }
  };
  return (
    <main className={styles.page}>
      <Bar title={where} state={state} onClose={() => void close()} onAgain={state.kind === "ended" ? onAgain : undefined} onTakeBack={state.kind === "elsewhere" ? () => setTurn(turn + 1) : undefined} />
      <TerminalView key={turn} id={terminal.id} label={say.label(where)} onState={setState} />
    </main>
  );
}

interface BarProps {
  title: string;
  state?: ConnectionState;
  onClose?: () => void;
  onAgain?: () => void;
  onTakeBack?: () => void;
}

function Bar({ title, state, onClose, onAgain, onTakeBack }: BarProps) {
  return (
    <header className={styles.bar}>
      <h1 className={styles.title}>{title}</h1>
      <span className={styles.state} role="status">
        {state && <State state={state} />}
      </span>
      {onTakeBack && (
        <Button small kind="primary" onClick={onTakeBack}>
          {say.takeBack}
        </Button>
      )}
      {onAgain && (
        <Button small kind="primary" onClick={onAgain}>
          {say.again}
        </Button>
      )}
      <Button small onClick={() => history.back()}>
        {say.back}
      </Button>
      {onClose && (
        <Button small onClick={onClose}>
          {say.close}
        </Button>
      )}
    </header>
  );
}

function State({ state }: { state: ConnectionState }) {
  switch (state.kind) {
    case "connecting":
      return <StatusMark glyph="quarter" tone="running" word={say.connecting} />;
    case "connected":
      return <StatusMark glyph="full" tone="running" word={say.connected} />;
    case "reconnecting":
      return <StatusMark glyph="bang" tone="ours" word={say.reconnecting} />;
    case "elsewhere":
      return <StatusMark glyph="pause" tone="pending" word={say.elsewhere} />;
    case "refused":
      return <StatusMark glyph="cross" tone="failed" word={state.why} />;
    case "ended":
      return <StatusMark glyph="stop" tone="muted" word={say.ended(state.code)} />;
  }
}

async function open(job: string | undefined, path: string | undefined): Promise<OpenedTerminal> {
  return api.post<OpenedTerminal>("/v1/terminals", job ? { job: Number(job) } : { path: path ?? "~" });
}

async function existing(id: string): Promise<OpenedTerminal> {
  const { terminals } = await api.get<TerminalList>("/v1/terminals");
  const found = terminals.find((one) => one.id === id);
  if (!found) throw new Error(say.ended(null));
  return found;
}
