/** The names of a folder; very many of them are no more work than few. */

import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { Ago, type Column, Icon, Table } from "@/components";
import { bytes } from "@/state/format";
import { fileWords as say } from "@/words/files";
import styles from "./files.module.css";
import { type Entry, type SortKey, folderAddress, isFolder, join } from "./folder";

interface Sort {
  by: SortKey;
  down: boolean;
}

interface Props {
  folder: string;
  entries: readonly Entry[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  open: string | undefined;
  onOpen: (entry: Entry) => void;
}

export function FileTable({ folder, entries, sort, onSort, selected, onSelect, open, onOpen }: Props) {
  const columns = useMemo((): Column<Entry>[] => {
    const title = (by: SortKey, text: string) => (
      <SortTitle text={text} by={by} sort={sort} onSort={onSort} />
    );
    return [
      { key: "name", title: title("name", say.columns.name), cell: (entry) => <Name folder={folder} entry={entry} onOpen={onOpen} /> },
      { key: "size", title: title("size", say.columns.size), cell: (entry) => <Size entry={entry} />, width: "112px", align: "end" },
      {
        key: "changed",
        title: title("changed", say.columns.changed),
        cell: (entry) => (entry.modified === null ? "" : <Ago at={entry.modified * 1000} />),
        width: "128px",
        from: 640,
      },
    ];
  }, [folder, sort, onSort, onOpen]);
  return (
    <Table
      label={say.label(folder)}
      columns={columns}
      rows={entries}
      rowKey={(entry) => entry.name}
      rowLabel={(entry) => say.select(entry.name)}
      selected={selected}
      onSelect={onSelect}
      onOpen={onOpen}
      openKey={open ?? null}
      keys
    />
  );
}

function SortTitle({ text, by, sort, onSort }: { text: string; by: SortKey; sort: Sort; onSort: (sort: Sort) => void }) {
  const here = sort.by === by;
  return (
    <button
      type="button"
      className={styles.sort}
      aria-label={say.sortBy(text)}
      aria-pressed={here}
      onClick={() => onSort({ by, down: here ? !sort.down : by !== "name" })}
    >
      {text}
      {here && <Icon name={sort.down ? "down" : "up"} size={12} />}
    </button>
  );
}

function Name({ folder, entry, onOpen }: { folder: string; entry: Entry; onOpen: (entry: Entry) => void }) {
  const asFolder = isFolder(entry);
  const inside = (
    <>
      <span className={asFolder ? styles.folderIcon : styles.fileIcon}>
        <Icon name={asFolder ? "folder" : "file"} />
      </span>
      <bdi>{entry.name}</bdi>
    </>
  );
  if (entry.unusable)
    return (
      <span className={styles.name} title={say.unusable}>
        {inside}
      </span>
    );
  if (asFolder)
    return (
      <Link to={folderAddress(join(folder, entry.name)) as "/files"} className={styles.name} preload={false} title={entry.name}>
        {inside}
      </Link>
    );
  return (
    <button type="button" className={styles.name} onClick={() => onOpen(entry)} title={entry.name}>
      {inside}
      {entry.kind === "l" && entry.target === null && <span className="muted small">{say.broken}</span>}
    </button>
  );
}

function Size({ entry }: { entry: Entry }) {
  if (entry.kind !== "f" || entry.size === null) return null;
  return <span title={`${entry.size.toLocaleString("en")} B`}>{bytes(entry.size)}</span>;
}
