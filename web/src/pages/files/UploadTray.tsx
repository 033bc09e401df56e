/** What is being sent: how far, pause and go on, and the question when a name is taken. */

import { useState } from "react";
import { Bar, Button, IconButton } from "@/components";
import { bytes, span } from "@/state/format";
import { uploadWords as say } from "@/words/files";
import styles from "./tray.module.css";
import { type Upload, cancel, clearFinished, pause, resume, settle, useUploads } from "./uploads";

const OVER = ["done", "skipped", "failed"];

export function UploadTray() {
  const uploads = useUploads();
  if (uploads.length === 0) return null;
  const active = uploads.filter((one) => !OVER.includes(one.phase));
  const moving = active.filter((one) => one.phase !== "paused" && one.phase !== "asks");
  return (
    <section className={styles.tray} aria-label={say.title(active.length)}>
      <header className={styles.trayHead}>
        <h2>{say.title(active.length)}</h2>
        {moving.length > 1 && (
          <Button small onClick={() => moving.forEach((one) => pause(one.id))}>
            {say.pauseAll}
          </Button>
        )}
        {active.length < uploads.length && (
          <Button small kind="quiet" onClick={clearFinished}>
            {say.clear}
          </Button>
        )}
      </header>
      <ul className={styles.trayList}>
        {uploads.map((upload) => (
          <Row key={upload.id} upload={upload} asking={uploads.filter((one) => one.phase === "asks").length} />
        ))}
      </ul>
    </section>
  );
}

function Row({ upload, asking }: { upload: Upload; asking: number }) {
  const { id, file, phase, sent, error } = upload;
  const over = OVER.includes(phase);
  return (
    <li className={styles.trayRow}>
      <div className={styles.trayLine}>
        <bdi className={styles.trayName} title={upload.path}>
          {file.name}
        </bdi>
        <span className={phase === "failed" ? styles.bad : "muted small"}>{told(upload)}</span>
        {phase === "paused" || phase === "failed" ? (
          <IconButton icon="play" label={say.resume(file.name)} onClick={() => resume(id)} />
        ) : (
          !over && phase !== "asks" && <IconButton icon="pause" label={say.pause(file.name)} onClick={() => pause(id)} />
        )}
        <IconButton icon="close" label={say.cancel(file.name)} onClick={() => void cancel(id)} />
      </div>
      {!over && <Bar part={sent} whole={Math.max(1, file.size)} label={say.progress(bytes(sent), bytes(file.size))} />}
      {error && (
        <p className="small" role="alert">
          {error}
        </p>
      )}
      {phase === "asks" && <Taken upload={upload} asking={asking} />}
    </li>
  );
}

function Taken({ upload, asking }: { upload: Upload; asking: number }) {
  const [all, setAll] = useState(false);
  return (
    <div className={styles.taken} role="alert">
      <p className="small">{say.taken(upload.file.name)}</p>
      <div className={styles.takenButtons}>
        <Button small onClick={() => settle(upload.id, "keep", all)}>
          {say.keep}
        </Button>
        <Button small kind="danger" onClick={() => settle(upload.id, "replace", all)}>
          {say.replace}
        </Button>
        <Button small onClick={() => settle(upload.id, "skip", all)}>
          {say.skip}
        </Button>
        {asking > 1 && (
          <label className={styles.all}>
            <input type="checkbox" checked={all} onChange={() => setAll(!all)} />
            {say.forAll}
          </label>
        )}
      </div>
    </div>
  );
}

function told({ phase, sent, file, speed }: Upload): string {
  if (phase !== "running") return say.states[phase];
  const progress = say.progress(bytes(sent), bytes(file.size));
  return speed > 0 ? `${progress} · ${say.left(span((file.size - sent) / speed + 1))}` : progress;
}
