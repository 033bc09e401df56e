/** Files may be dropped anywhere on the page; a frame says where they go. */

import { useEffect, useState } from "react";
import { toast } from "@/components";
import { uploadWords as say } from "@/words/files";
import styles from "./files.module.css";
import { nameOf } from "./folder";
import { add } from "./uploads";

export function DropPlace({ folder }: { folder: string }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => {
      if (carries(event) && ++depth === 1) setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (carries(event) && --depth <= 0) setOver(false);
    };
    const hold = (event: DragEvent) => {
      if (carries(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (!carries(event)) return;
      event.preventDefault();
      take(event.dataTransfer, folder);
    };
    const listeners = { dragenter: enter, dragleave: leave, dragover: hold, drop } as const;
    for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener as EventListener);
    };
  }, [folder]);
  if (!over) return null;
  return (
    <div className={styles.drop} aria-hidden="true">
      <span>{say.drop(nameOf(folder) || folder)}</span>
    </div>
  );
}

function take(dropped: DataTransfer | null, folder: string): void {
  const files: File[] = [];
  for (const item of dropped?.items ?? []) {
    const file = item.getAsFile();
    if (!file) continue;
    if (item.webkitGetAsEntry?.()?.isDirectory) toast(say.noFolders(file.name), { failed: true });
    else files.push(file);
  }
  add(files, folder);
}
