/** A dialog that asks for one name; what the server refuses is said in its place, and nothing typed is lost. */

import { type FormEvent, useState } from "react";
import { Button, Dialog, TextField } from "@/components";
import { words } from "@/words";
import { fileWords as say } from "@/words/files";

interface Props {
  title: string;
  label: string;
  action: string;
  value?: string;
  /** A whole path may be typed. */
  path?: boolean;
  onClose: () => void;
  onDone: (name: string) => Promise<void>;
}

export function AskName({ title, label, action, value = "", path, onClose, onDone }: Props) {
  const [name, setName] = useState(value);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (name === "" || (!path && name.includes("/"))) return setError(say.badName);
    setBusy(true);
    try {
      await onDone(name);
      onClose();
    } catch (refused) {
      setError(refused instanceof Error ? refused.message : String(refused));
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.act.cancel}</Button>
          <Button kind="primary" type="submit" form="ask-name" busy={busy} changes>
            {action}
          </Button>
        </>
      }
    >
      <form id="ask-name" onSubmit={(event) => void submit(event)}>
        <TextField
          label={label}
          value={name}
          error={error}
          autoFocus
          autoComplete="off"
          spellCheck={false}
          onFocus={(event) => event.target.select()}
          onChange={(event) => setName(event.target.value)}
        />
      </form>
    </Dialog>
  );
}
