/** Who else may open a session. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Session } from "@/api/types";
import { Button, Dialog, TextField } from "@/components";
import { words as all } from "@/words";
import { words } from "@/words/sessions";
import { SessionActs } from "./acts";

export function ShareDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const [users, setUsers] = useState(session.sharers.join(" "));
  const client = useQueryClient();
  const save = () => {
    onClose();
    void new SessionActs(client).share(session, users.split(/[\s,]+/).filter(Boolean));
  };
  return (
    <Dialog
      open
      title={words.shareTitle(session.name)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{all.act.keep}</Button>
          <Button kind="primary" changes onClick={save}>
            {words.shareSave}
          </Button>
        </>
      }
    >
      <TextField
        label={words.shareField}
        help={words.shareHow}
        value={users}
        onChange={(event) => setUsers(event.target.value)}
        autoFocus
      />
    </Dialog>
  );
}
