/** What can be done in a folder, and to what is selected in it. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { Button, IconButton, Menu, MenuItem } from "@/components";
import { fileWords as say } from "@/words/files";
import { makeFile, makeFolder, move, remove, rename } from "./actions";
import { AskName } from "./AskName";
import styles from "./files.module.css";
import { type Entry, type Folder, archiveAddress, contentAddress, isFolder, join } from "./folder";
import { TerminalMenu } from "./TerminalMenu";
import { add } from "./uploads";

export function FileActions({ folder }: { folder: Folder }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const files = useRef<HTMLInputElement>(null);
  const [asks, setAsks] = useState<"folder" | "file" | null>(null);
  return (
    <>
      <TerminalMenu path={folder.path} />
      <Menu label={say.newFile} align="end" button={(properties) => <IconButton icon="plus" label={say.newFile} {...properties} />}>
        <MenuItem icon="folder" changes onSelect={() => setAsks("folder")}>
          {say.newFolder}
        </MenuItem>
        <MenuItem icon="file" changes onSelect={() => setAsks("file")}>
          {say.newFile}
        </MenuItem>
      </Menu>
      <Button icon="upload" kind="primary" changes onClick={() => files.current?.click()}>
        {say.upload}
      </Button>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          add([...(event.target.files ?? [])], folder.path);
          event.target.value = "";
        }}
      />
      {asks && (
        <AskName
          title={asks === "folder" ? say.newFolder : say.newFile}
          label={asks === "folder" ? say.folderName : say.fileName}
          action={say.make}
          onClose={() => setAsks(null)}
          onDone={async (name) => {
            if (asks === "folder") return makeFolder(client, folder, name);
            await makeFile(client, folder, name);
            void navigate({ to: ".", search: { edit: name } as never });
          }}
        />
      )}
    </>
  );
}

/** The bar that a selection raises. */
export function Selection({ folder, chosen, onClear }: { folder: Folder; chosen: readonly Entry[]; onClear: () => void }) {
  const client = useQueryClient();
  const [asks, setAsks] = useState<"rename" | "move" | null>(null);
  const [one] = chosen;
  const single = chosen.length === 1 ? one : undefined;
  const paths = chosen.map((entry) => join(folder.path, entry.name));
  return (
    <div className={styles.selection} role="toolbar" aria-label={say.chosen(chosen.length)}>
      <span>{say.chosen(chosen.length)}</span>
      <a className={styles.barLink} href={single && !isFolder(single) ? contentAddress(paths[0] ?? "") : archiveAddress(paths)} download>
        {say.download}
      </a>
      {single && (
        <Button small changes onClick={() => setAsks("rename")}>
          {say.rename}
        </Button>
      )}
      <Button small changes onClick={() => setAsks("move")}>
        {say.move}
      </Button>
      <Button small kind="danger" changes onClick={() => void remove(client, folder, chosen).then((done) => done && onClear())}>
        {say.remove}
      </Button>
      <IconButton icon="close" label={say.clear} onClick={onClear} />
      {asks === "rename" && single && (
        <AskName
          title={say.renameTitle(single.name)}
          label={say.newName}
          value={single.name}
          action={say.rename}
          onClose={() => setAsks(null)}
          onDone={async (name) => {
            await rename(client, folder, single.name, name);
            onClear();
          }}
        />
      )}
      {asks === "move" && (
        <AskName
          title={say.moveTitle(single?.name ?? say.items(chosen.length))}
          label={say.moveTo}
          value={folder.path}
          action={say.move}
          path
          onClose={() => setAsks(null)}
          onDone={async (target) => {
            await move(client, folder, chosen.map((entry) => entry.name), target.replace(/\/+$/, ""));
            onClear();
          }}
        />
      )}
    </div>
  );
}
