/** Files: a folder as a table, one file beside it, uploads in their tray; files may be dropped anywhere. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { Empty, Failure, Page as PageFrame, SkeletonRows } from "@/components";
import { bytes } from "@/state/format";
import { useSearch } from "@/state/useSearch";
import { words } from "@/words";
import { fileWords as say } from "@/words/files";
import { DropPlace } from "./DropPlace";
import { FileActions, Selection } from "./FileActions";
import { FileTable } from "./FileTable";
import styles from "./files.module.css";
import { type Entry, type Folder, type SortKey, arranged, crumbs, folderAddress, folderKey, folderQuery, isFolder, join, looked, sortQuickly, unlooked } from "./folder";
import { PreviewPanel } from "./PreviewPanel";
import { onUploaded } from "./uploads";
import { UploadTray } from "./UploadTray";

const Editor = lazy(() => import("./Editor"));

export function Page() {
  const { _splat } = useParams({ strict: false }) as { _splat?: string };
  const path = _splat ? `/${_splat.replace(/^\/+|\/+$/g, "")}` : "~";
  const { data, error, refetch } = useQuery(folderQuery(path));
  const shown = data?.path ?? path;
  return (
    <PageFrame title={say.title} head={<Crumbs path={shown} roots={data?.roots ?? []} />} actions={data && <FileActions folder={data} />}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={12} />}
      {data && <Listing key={data.path} folder={data} asked={path} />}
      {data && <DropPlace folder={data.path} />}
      <UploadTray />
    </PageFrame>
  );
}

function Listing({ folder, asked }: { folder: Folder; asked: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [search, setSearch] = useSearch();
  const [sort, setSort] = useState<{ by: SortKey; down: boolean }>({ by: "name", down: false });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const text = search.q ?? "";
  const hidden = search.hidden === "1";
  const shown = useMemo(() => {
    sortQuickly(folder.entries.length);
    return arranged(folder.entries, { sort: sort.by, down: sort.down, text, hidden });
  }, [folder, sort, text, hidden]);
  useEffect(
    () =>
      onUploaded((where) => {
        if (where === folder.path) void client.invalidateQueries({ queryKey: folderKey(asked) });
      }),
    [client, folder.path, asked],
  );
  useEffect(() => {
    if (!folder.entries.some(unlooked)) return;
    const control = new AbortController();
    void looked(folder, control.signal).then(
      // It may have been listed anew meanwhile.
      (whole) => client.setQueryData<Folder>(folderKey(asked), (now) => (now === folder ? whole : now)),
      () => undefined,
    );
    return () => control.abort();
  }, [client, folder, asked]);
  const open = useCallback(
    (entry: Entry) => {
      if (entry.unusable) return;
      const path = join(folder.path, entry.name);
      if (isFolder(entry)) void navigate({ to: folderAddress(path) as "/files" });
      else setSearch({ file: entry.name });
    },
    [folder.path, navigate, setSearch],
  );
  const chosen = useMemo(() => shown.filter((entry) => selected.has(entry.name)), [shown, selected]);
  const beside = folder.entries.find((entry) => entry.name === search.file);
  const edited = search.edit ? join(folder.path, search.edit) : null;
  if (edited)
    return (
      <Suspense fallback={<SkeletonRows rows={12} />}>
        <Editor path={edited} onClose={() => setSearch({ edit: undefined })} />
      </Suspense>
    );
  return (
    <div className={beside ? styles.beside : undefined}>
      <div className={styles.tools}>
        <input
          type="search"
          className={styles.filter}
          value={text}
          placeholder={say.filter}
          aria-label={say.filter}
          onChange={(event) => setSearch({ q: event.target.value || undefined })}
        />
        <label className={styles.hidden}>
          <input type="checkbox" checked={hidden} onChange={() => setSearch({ hidden: hidden ? undefined : "1" })} />
          {say.hidden}
        </label>
        <span className={styles.count}>{countOf(folder, shown.length, text)}</span>
      </div>
      {!folder.complete && <p className="muted small">{say.cut(folder.entries.length)}</p>}
      {shown.length > 0 ? (
        <FileTable folder={folder.path} entries={shown} sort={sort} onSort={setSort} selected={selected} onSelect={setSelected} open={search.file} onOpen={open} />
      ) : (
        <Nothing filtered={text !== "" || folder.entries.length > 0} onClear={() => setSearch({ q: undefined, hidden: "1" })} />
      )}
      {chosen.length > 0 && <Selection folder={folder} chosen={chosen} onClear={() => setSelected(new Set())} />}
      {beside && (
        <PreviewPanel key={beside.name} folder={folder} entry={beside} onClose={() => setSearch({ file: undefined })} onEdit={() => setSearch({ edit: beside.name, file: undefined }, true)} />
      )}
    </div>
  );
}

function countOf(folder: Folder, shown: number, text: string): string {
  return text ? say.fitting(shown, folder.entries.length) : say.total(shown, bytes(folder.free_bytes));
}

function Nothing({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (!filtered) return <Empty title={say.emptyTitle}>{say.emptyHow}</Empty>;
  return (
    <Empty
      title={say.filteredTitle}
      actions={
        <button type="button" className={styles.plainLink} onClick={onClear}>
          {words.act.clear}
        </button>
      }
    >
      {say.filteredHow}
    </Empty>
  );
}

function Crumbs({ path, roots }: { path: string; roots: readonly string[] }) {
  const parts = crumbs(path, roots);
  return (
    <nav className={styles.crumbs} aria-label={say.crumbs}>
      <h1 className="unseen">{say.title}</h1>
      {parts.map((part, index) =>
        index === parts.length - 1 ? (
          <span key={part.path} aria-current="page" className={styles.here}>
            {index === 0 ? rootName(part.path, roots) : part.name}
          </span>
        ) : (
          <span key={part.path}>
            <Link to={folderAddress(part.path) as "/files"}>{index === 0 ? rootName(part.path, roots) : part.name}</Link>
            <span className={styles.slash}>/</span>
          </span>
        ),
      )}
    </nav>
  );
}

function rootName(path: string, roots: readonly string[]): string {
  return path === roots[0] || path === "~" ? say.home : path;
}
