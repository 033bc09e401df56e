/** Over the log: which output, wrapping, following, search in all of it, and the whole as a file. */

import { type FormEvent, useState } from "react";
import { api, url } from "@/api/client";
import type { LogMatches } from "@/api/types";
import { Button, Icon, IconButton, toastFailure } from "@/components";
import { jobWords } from "@/words/jobs";
import type { Stream } from "./uselog";
import type { Named } from "./window";
import styles from "./log.module.css";

const { log: said } = jobWords;
const STREAMS: readonly Stream[] = ["stdout", "stderr", "setup"];

interface Props {
  id: string;
  stream: Stream;
  onStream: (stream: Stream) => void;
  wrap: boolean;
  onWrap: (wrap: boolean) => void;
  following: boolean;
  onFollow: (() => void) | null;
  goTo: (offset: number, line: number) => Promise<void>;
  errorCount: number;
}

export function LogBar(props: Props) {
  const { id, stream, onFollow, following } = props;
  return (
    <div className={styles.bar}>
      <select aria-label={said.stream} value={stream} onChange={(event) => props.onStream(event.target.value as Stream)}>
        {STREAMS.map((name) => (
          <option key={name} value={name}>
            {said.streams[name]}
          </option>
        ))}
      </select>
      <Search id={id} stream={stream} goTo={props.goTo} />
      {props.errorCount > 0 && <span className={styles.errorCount}>{said.errors(props.errorCount)}</span>}
      <span className={styles.gap} />
      {onFollow && (
        <Button small aria-pressed={following} onClick={onFollow} disabled={following}>
          {following ? said.following : said.follow}
        </Button>
      )}
      <Button small aria-pressed={props.wrap} onClick={() => props.onWrap(!props.wrap)}>
        {said.wrap}
      </Button>
      <a className={styles.download} href={url(`/v1/jobs/${id}/logs`, { stream })} download={`${id}.${stream}.log`} aria-label={said.download} title={said.download}>
        <Icon name="download" />
      </a>
    </div>
  );
}

interface Found extends LogMatches {
  text: string;
  at: number;
}

function Search({ id, stream, goTo }: Pick<Props, "id" | "stream" | "goTo">) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Found | null>(null);
  const show = async (now: Found, at: number) => {
    setFound({ ...now, at });
    const match = now.matches[at] as Named | undefined;
    if (match) await goTo(match[1], match[0]);
  };
  const look = async (event: FormEvent) => {
    event.preventDefault();
    if (!text) return setFound(null);
    if (found?.text === text) return step(1);
    try {
      const matches = await api.get<LogMatches>(`/v1/jobs/${id}/logs/search`, { q: text, stream, limit: 1000 });
      await show({ ...matches, text, at: 0 }, 0);
    } catch (error) {
      toastFailure(error);
    }
  };
  const step = async (by: number) => {
    if (!found || found.matches.length === 0) return;
    await show(found, (found.at + by + found.matches.length) % found.matches.length);
  };
  const count = found?.matches.length ?? 0;
  return (
    <form className={styles.search} role="search" onSubmit={(event) => void look(event)}>
      <Icon name="search" />
      <input type="search" aria-label={said.search} placeholder={said.search} value={text} onChange={(event) => setText(event.target.value)} />
      {found && found.text === text && (
        <span className={styles.foundCount} role="status">
          {count === 0 ? said.none : said.found(found.at + 1, found.next === null ? String(count) : said.more(count))}
        </span>
      )}
      <IconButton icon="up" label={said.previous} disabled={count === 0} onClick={() => void step(-1)} />
      <IconButton icon="down" label={said.next} disabled={count === 0} onClick={() => void step(1)} />
    </form>
  );
}
