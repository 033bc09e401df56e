/** Text to take along: a command, a token, a path. */

import { useState } from "react";
import { words } from "@/words";
import { IconButton } from "./Button";
import styles from "./Copy.module.css";

export function CopyButton({ text, label = words.act.copy }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return <IconButton icon={copied ? "check" : "copy"} label={copied ? words.act.copied : label} onClick={() => void copy()} />;
}

/** A line of code with its copy button. */
export function CopyLine({ text, prompt }: { text: string; prompt?: string }) {
  return (
    <div className={styles.line}>
      <code className={styles.code}>
        {prompt && <span className={styles.prompt}>{prompt} </span>}
        {text}
      </code>
      <CopyButton text={text} />
    </div>
  );
}

/** The clipboard is there in secure places alone; elsewhere the old way serves. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
