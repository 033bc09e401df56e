/** The settings of a session kept under a name, from which another one like it begins. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Session } from "@/api/types";
import { Button, Dialog, TextField } from "@/components";
import { words as all } from "@/words";
import { words } from "@/words/sessions";
import { SessionActs } from "./acts";

export function SaveDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const [name, setName] = useState(session.saved_as || session.name);
  const client = useQueryClient();
  const save = (as: string) => {
    onClose();
    void new SessionActs(client).save(session, as);
  };
  return (
    <Dialog
      open
      title={words.saveTitle}
      onClose={onClose}
      actions={
        <>
          {session.saved_as && <Button onClick={() => save("")}>{words.saveForget}</Button>}
          <Button kind="primary" changes disabled={!name.trim()} onClick={() => save(name.trim())}>
            {all.act.save}
          </Button>
        </>
      }
    >
      <TextField label={words.saveField} help={words.saveHow(session.title)} value={name} onChange={(event) => setName(event.target.value)} autoFocus />
    </Dialog>
  );
}
