/** A text file in an editor. Saved only if nobody wrote to it meanwhile; what cannot be saved stays here. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Problem, api } from "@/api/client";
import type { FilePreview, SavedText } from "@/api/types";
import { Button, Dialog, Failure, SkeletonRows, confirm } from "@/components";
import { words } from "@/words";
import { editorWords as say, fileWords } from "@/words/files";
import { renew } from "./actions";
import styles from "./files.module.css";
import { nameOf } from "./folder";
import { type TextEditor, openEditor } from "./texteditor";

export default function Editor({ path, onClose }: { path: string; onClose: () => void }) {
  const { data, error } = useQuery({
    queryKey: ["edit", path],
    queryFn: ({ signal }) => api.get<FilePreview>("/v1/files/preview", { path, whole: true }, signal),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  if (error) return <Failure error={error} />;
  if (!data) return <SkeletonRows rows={12} />;
  if (data.text === null) return <p className="muted">{fileWords.binary}</p>;
  return <Opened path={path} file={data} onClose={onClose} />;
}

function Opened({ path, file, onClose }: { path: string; file: FilePreview; onClose: () => void }) {
  const name = nameOf(path);
  const client = useQueryClient();
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<TextEditor | null>(null);
  const version = useRef(file.version);
  const [changed, setChanged] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const [conflict, setConflict] = useState(false);
  const leave = () => confirm({ title: say.leaveAsk(name), body: say.leaveHow, action: say.leave, keep: say.stay });

  const save = async (over?: string) => {
    if (!editor.current) return;
    setBusy(true);
    setError(null);
    const text = editor.current.text();
    try {
      const saved = await api.put<SavedText>("/v1/files/text", { path, text, version: over ?? version.current });
      version.current = saved.version;
      setChanged(editor.current.text() !== text);
      setConflict(false);
      renew(client);
    } catch (refused) {
      if (refused instanceof Problem && refused.code === "changed") setConflict(true);
      else setError(refused as Error);
    }
    setBusy(false);
  };
  const latestSave = useRef(save);
  latestSave.current = save;

  useEffect(() => {
    if (!place.current) return;
    const opened = openEditor(place.current, {
      text: file.text ?? "",
      name,
      label: say.label(name),
      readOnly: !file.editable,
      onChange: () => setChanged(true),
      onSave: () => void latestSave.current(),
    });
    editor.current = opened;
    return () => opened.close();
  }, [file, name]);

  useBlocker({
    shouldBlockFn: async () => changed && !(await leave()),
    enableBeforeUnload: () => changed,
    disabled: !changed,
  });

  const theirs = async () => {
    const now = await api.get<FilePreview>("/v1/files/preview", { path, whole: true });
    editor.current?.replace(now.text ?? "");
    version.current = now.version;
    setChanged(false);
    setConflict(false);
  };
  const mine = async () => save((await api.get<{ version: string }>("/v1/files/about", { path })).version);

  return (
    <section className={styles.editor} aria-label={say.label(name)}>
      <header className={styles.editorHead}>
        <h2 className={styles.previewTitle}>
          <bdi>{name}</bdi>
        </h2>
        <span className="muted small" role="status">
          {changed ? say.unsaved : say.saved}
        </span>
        <Button onClick={onClose}>{words.act.close}</Button>
        {file.editable && (
          <Button kind="primary" changes busy={busy} disabled={!changed} onClick={() => void save()}>
            {say.save}
          </Button>
        )}
      </header>
      {error && <Failure error={error} retry={() => void save()} />}
      <div ref={place} className={styles.editorPlace} />
      <Dialog
        open={conflict}
        title={say.conflictTitle(name)}
        onClose={() => setConflict(false)}
        actions={
          <>
            <Button onClick={() => setConflict(false)}>{words.act.cancel}</Button>
            <Button kind="danger" onClick={() => void theirs().catch(setError)}>
              {say.loadTheirs}
            </Button>
            <Button kind="primary" onClick={() => void mine().catch(setError)}>
              {say.keepMine}
            </Button>
          </>
        }
      >
        {say.conflictHow}
      </Dialog>
    </section>
  );
}
