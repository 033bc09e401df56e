/** One file beside the table: text as text, a picture, a notebook's cells; nothing in it ever runs. */

import { useQuery } from "@tanstack/react-query";
import type { FilePreview } from "@/api/types";
import { Ago, Button, Facts, Failure, Icon, LinkButton, SidePanel, SkeletonRows } from "@/components";
import { bytes } from "@/state/format";
import { fileWords as say } from "@/words/files";
import styles from "./files.module.css";
import { type Entry, type Folder, contentAddress, join, previewQuery } from "./folder";
import { type Cell, cellsOf } from "./notebook";

const SCRIPTS = /\.(sh|bash|sbatch|slurm|py|r|jl|pl)$/i;

interface Props {
  folder: Folder;
  entry: Entry;
  onClose: () => void;
  onEdit: () => void;
}

export function PreviewPanel({ folder, entry, onClose, onEdit }: Props) {
  const path = join(folder.path, entry.name);
  const readable = entry.kind === "f" || entry.target === "f";
  const { data, error } = useQuery({ ...previewQuery(path, entry.modified), enabled: readable });
  return (
    <SidePanel
      label={say.preview}
      onClose={onClose}
      title={
        <h2 className={styles.previewTitle}>
          <bdi>{entry.name}</bdi>
        </h2>
      }
    >
      <div className={styles.previewActions}>
        {readable && (
          <a className={styles.barLink} href={contentAddress(path)} download>
            <Icon name="download" /> {say.download}
          </a>
        )}
        {data?.editable && (
          <Button icon="edit" onClick={onEdit}>
            {say.edit}
          </Button>
        )}
        <Submit path={path} preview={data} />
      </div>
      <Facts
        facts={[
          [say.facts.size, entry.size === null ? "" : bytes(entry.size)],
          [say.facts.changed, entry.modified === null ? "" : <Ago at={entry.modified * 1000} />],
          [say.facts.path, <code key="path">{path}</code>],
        ]}
      />
      {error && <Failure error={error} />}
      {!data && !error && readable && <SkeletonRows rows={6} />}
      {data && <Content path={path} preview={data} />}
    </SidePanel>
  );
}

/** Scripts and notebooks become jobs from here. */
function Submit({ path, preview }: { path: string; preview: FilePreview | undefined }) {
  if (!preview || preview.kind !== "text") return null;
  if (path.endsWith(".ipynb"))
    return (
      <LinkButton icon="play" to="/sessions" search={{ notebook: path } as never}>
        {say.batch}
      </LinkButton>
    );
  if (!preview.text?.startsWith("#!") && !SCRIPTS.test(path)) return null;
  return (
    <LinkButton icon="play" to="/new/batch" search={{ script: path } as never}>
      {say.submit}
    </LinkButton>
  );
}

function Content({ path, preview }: { path: string; preview: FilePreview }) {
  if (preview.kind === "image") return <img className={styles.picture} src={contentAddress(path, true)} alt="" />;
  if (preview.kind !== "text" || preview.text === null) return <p className="muted">{say.binary}</p>;
  const cells = path.endsWith(".ipynb") && !preview.truncated ? cellsOf(preview.text) : null;
  return (
    <>
      {preview.truncated && <p className="muted small">{say.tooLong}</p>}
      {cells ? (
        cells.map((cell, index) => <NotebookCell key={index} cell={cell} />)
      ) : (
        <pre className={styles.text} tabIndex={0}>
          {preview.text}
        </pre>
      )}
    </>
  );
}

function NotebookCell({ cell }: { cell: Cell }) {
  return (
    <div className={styles.cell}>
      {cell.number !== null && <span className="muted small mono">{say.cell(cell.number)}</span>}
      <pre className={cell.code ? styles.code : styles.prose}>{cell.source}</pre>
      {cell.outputs.map((output, index) => (
        <pre key={index} className={styles.output}>
          {output}
        </pre>
      ))}
    </div>
  );
}
