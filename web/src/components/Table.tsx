/**
 * A real table of as many rows as there are; only those in sight are in the document. The window scrolls.
 * With `keys`: j and k (or arrows) move, x selects, Enter opens.
 */

import { type ReactNode, useEffect, useRef, useState } from "react";
import styles from "./Table.module.css";
import { useInSight, useRowHeight } from "./useInSight";
import { useTableKeys } from "./useTableKeys";

export interface Column<Row> {
  key: string;
  title: ReactNode;
  cell: (row: Row) => ReactNode;
  /** CSS width; columns without share what is left. */
  width?: string;
  align?: "end";
  /** Left out below this width of the window. */
  from?: number;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** A click on the row beside its links and buttons, or Enter. */
  onOpen?: (row: Row) => void;
  keys?: boolean;
  selected?: ReadonlySet<string>;
  onSelect?: (selected: ReadonlySet<string>) => void;
  /** The row that is open beside the table. */
  openKey?: string | null;
  /** How many rows there are on the server, when not all are here. */
  total?: number;
  /** Called when the last rows come into sight. */
  onEnd?: () => void;
  rowLabel?: (row: Row) => string;
}

export function Table<Row>(props: Props<Row>) {
  const { label, rows, rowKey, selected, onSelect, onOpen, onEnd } = props;
  const columns = useColumns(props.columns);
  const body = useRef<HTMLTableSectionElement>(null);
  const height = useRowHeight();
  const { first, count, scrollTo } = useInSight(body, rows.length, height);
  const shown = rows.slice(first, first + count);
  const after = rows.length - first - shown.length;
  const reachedEnd = rows.length > 0 && after === 0;
  useEffect(() => {
    if (reachedEnd) onEnd?.();
  }, [reachedEnd, rows.length, onEnd]);
  const toggle = (row: Row) => {
    if (!onSelect || !selected) return;
    const next = new Set(selected);
    if (!next.delete(rowKey(row))) next.add(rowKey(row));
    onSelect(next);
  };
  const current = useTableKeys({
    enabled: props.keys ?? false,
    count: rows.length,
    scrollTo,
    open: (index) => rows[index] !== undefined && onOpen?.(rows[index]),
    select: (index) => rows[index] !== undefined && toggle(rows[index]),
  });
  const width = columns.length + (selected ? 1 : 0);
  return (
    <table className={styles.table} aria-label={label} aria-rowcount={(props.total ?? rows.length) + 1}>
      <colgroup>
        {selected && <col style={{ width: 36 }} />}
        {columns.map((column) => (
          <col key={column.key} style={{ width: column.width }} />
        ))}
      </colgroup>
      <thead>
        <tr aria-rowindex={1}>
          {selected && (
            <th scope="col">
              <SelectAll rows={rows} rowKey={rowKey} selected={selected} onSelect={onSelect} />
            </th>
          )}
          {columns.map((column) => (
            <th key={column.key} scope="col" className={column.align === "end" ? styles.end : undefined}>
              {column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        <Space height={first * height} columns={width} />
        {shown.map((row, place) => {
          const index = first + place;
          const key = rowKey(row);
          return (
            <tr
              key={key}
              aria-rowindex={index + 2}
              className={classOf(index === current, selected?.has(key), props.openKey === key, Boolean(onOpen))}
              onClick={(event) => {
                if (!(event.target as Element).closest("a, button, input, label")) onOpen?.(row);
              }}
            >
              {selected && (
                <td>
                  <input
                    type="checkbox"
                    aria-label={props.rowLabel?.(row) ?? key}
                    checked={selected.has(key)}
                    onChange={() => toggle(row)}
                  />
                </td>
              )}
              {columns.map((column) => (
                <td key={column.key} className={column.align === "end" ? styles.end : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          );
        })}
        <Space height={after * height} columns={width} />
      </tbody>
    </table>
  );
}

function SelectAll<Row>(props: Pick<Props<Row>, "rows" | "rowKey" | "selected" | "onSelect">) {
  const { rows, rowKey, selected, onSelect } = props;
  const all = rows.length > 0 && rows.every((row) => selected?.has(rowKey(row)));
  return (
    <input
      type="checkbox"
      aria-label="All"
      checked={all}
      onChange={() => onSelect?.(all ? new Set() : new Set(rows.map(rowKey)))}
    />
  );
}

function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden="true" className={styles.space}>
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

function useColumns<Row>(columns: readonly Column<Row>[]): readonly Column<Row>[] {
  const [width, setWidth] = useState(window.innerWidth);
  useEffect(() => {
    const measure = () => setWidth(window.innerWidth);
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);
  return columns.filter((column) => (column.from ?? 0) <= width);
}

function classOf(current: boolean, selected: boolean | undefined, open: boolean, opens: boolean): string {
  const names = [current && styles.current, (selected || open) && styles.selected, opens && styles.opens];
  return names.filter(Boolean).join(" ");
}
