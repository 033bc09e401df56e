/** A menu under a button: arrows, Home, End, first letters, Escape; closes on a click elsewhere. */

import { Link } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useStale } from "@/state/live";
import { Icon, type IconName } from "./Icon";
import styles from "./Menu.module.css";

interface Props {
  /** Drawn by the caller, with these properties on its button. */
  button: (properties: ButtonProperties) => ReactNode;
  label: string;
  align?: "start" | "end";
  above?: boolean;
  children: ReactNode;
}

export interface ButtonProperties {
  onClick: () => void;
  onKeyDown: (event: KeyboardEvent) => void;
  "aria-haspopup": "menu";
  "aria-expanded": boolean;
  "aria-controls": string | undefined;
}

export function Menu({ button, label, align = "start", above, children }: Props) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = (refocus: boolean) => {
    setOpen(false);
    if (refocus) place.current?.querySelector<HTMLElement>("[aria-haspopup]")?.focus();
  };
  useEffect(() => {
    if (!open) return;
    items(list.current)[0]?.focus();
    const elsewhere = (event: Event) => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [open]);
  return (
    <div className={styles.place} ref={place}>
      {button({
        onClick: () => setOpen(!open),
        onKeyDown: (event) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          setOpen(true);
        },
        "aria-haspopup": "menu",
        "aria-expanded": open,
        "aria-controls": open ? id : undefined,
      })}
      {open && (
        <div
          ref={list}
          id={id}
          role="menu"
          aria-label={label}
          className={`${styles.menu} ${align === "end" ? styles.end : ""} ${above ? styles.above : ""}`}
          onKeyDown={(event) => onKey(event, list.current, close)}
          onClick={(event) => {
            if ((event.target as Element).closest('[role^="menuitem"]')) close(true);
          }}
        >
          {children}
        </div>
      )}
    </div>
  );
}

function items(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([aria-disabled="true"])') ?? [])];
}

function onKey(event: KeyboardEvent, list: HTMLElement | null, close: (refocus: boolean) => void): void {
  const all = items(list);
  const at = all.indexOf(document.activeElement as HTMLElement);
  const to: Record<string, number> = {
    ArrowDown: (at + 1) % all.length,
    ArrowUp: (at - 1 + all.length) % all.length,
    Home: 0,
    End: all.length - 1,
  };
  if (event.key === "Escape" || event.key === "Tab") {
    if (event.key === "Escape") event.preventDefault();
    event.stopPropagation();
    close(event.key === "Escape");
  } else if (event.key in to) {
    event.preventDefault();
    all[to[event.key] ?? 0]?.focus();
  } else if (event.key.length === 1 && event.key !== " ") {
    const letter = event.key.toLowerCase();
    const after = [...all.slice(at + 1), ...all.slice(0, at + 1)];
    after.find((item) => item.textContent?.trim().toLowerCase().startsWith(letter))?.focus();
  }
}

interface ItemProps {
  icon?: IconName;
  children: ReactNode;
  /** Small text under it. */
  note?: ReactNode;
  onSelect?: () => void;
  /** A page of the portal, or with `href` anything else. */
  to?: string;
  href?: string;
  danger?: boolean;
  disabled?: boolean;
  changes?: boolean;
  checked?: boolean;
}

export function MenuItem({ icon, children, note, onSelect, to, href, danger, disabled, changes, checked }: ItemProps) {
  const stale = useStale();
  const inside = (
    <>
      {(icon || checked !== undefined) && (
        <span className={styles.icon}>{checked ? <Icon name="check" /> : icon && <Icon name={icon} />}</span>
      )}
      <span className={styles.words}>
        {children}
        {note && <span className={styles.note}>{note}</span>}
      </span>
    </>
  );
  const className = `${styles.item} ${danger ? styles.danger : ""}`;
  const common = { className, tabIndex: -1, role: checked === undefined ? "menuitem" : "menuitemradio" };
  if (to) return <Link to={to} {...common}>{inside}</Link>;
  if (href) return <a href={href} {...common}>{inside}</a>;
  const off = disabled || Boolean(changes && stale);
  return (
    <button type="button" {...common} aria-checked={checked} aria-disabled={off || undefined} onClick={off ? undefined : onSelect}>
      {inside}
    </button>
  );
}

export function MenuLine() {
  return <div role="separator" className={styles.line} />;
}

/** A name over some items of a menu. */
export function MenuTitle({ children }: { children: ReactNode }) {
  return <div className={styles.title}>{children}</div>;
}
