/** Asking before something is destroyed: `if (await confirm({...}))`. The question names it. */

import { type ReactNode, useEffect, useState } from "react";
import { words } from "@/words";
import { Button } from "./Button";
import { Dialog } from "./Dialog";

export interface Question {
  title: string;
  body?: ReactNode;
  /** The verb on the button that does it. */
  action: string;
  keep?: string;
}

interface Asked extends Question {
  answer: (yes: boolean) => void;
}

let show: ((asked: Asked) => void) | null = null;

export function confirm(question: Question): Promise<boolean> {
  return new Promise((answer) => (show ? show({ ...question, answer }) : answer(false)));
}

/** Stands once in the page. */
export function ConfirmPlace() {
  const [asked, setAsked] = useState<Asked | null>(null);
  useEffect(() => {
    show = setAsked;
    return () => {
      show = null;
    };
  }, []);
  if (!asked) return null;
  const answer = (yes: boolean) => {
    setAsked(null);
    asked.answer(yes);
  };
  return (
    <Dialog
      open
      title={asked.title}
      onClose={() => answer(false)}
      actions={
        <>
          <Button onClick={() => answer(false)} data-first>
            {asked.keep ?? words.act.keep}
          </Button>
          <Button kind="danger" onClick={() => answer(true)}>
            {asked.action}
          </Button>
        </>
      }
    >
      {asked.body}
    </Dialog>
  );
}
