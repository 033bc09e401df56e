/** Buttons, and links that look like them. `changes`: waits while the server is not heard. */

import { Link } from "@tanstack/react-router";
import type { ComponentProps, ReactNode } from "react";
import { useStale } from "@/state/live";
import { words } from "@/words";
import { Icon, type IconName } from "./Icon";
import styles from "./Button.module.css";

export type Kind = "plain" | "primary" | "danger" | "quiet";

interface Look {
  kind?: Kind;
  small?: boolean;
  icon?: IconName;
  children?: ReactNode;
}

type ButtonProps = Look & ComponentProps<"button"> & { changes?: boolean; busy?: boolean; "data-first"?: boolean };

export function Button({ kind, small, icon, changes, busy, children, className, ...rest }: ButtonProps) {
  const stale = useStale();
  const waits = Boolean(changes && stale);
  return (
    <button
      type="button"
      {...rest}
      className={classOf(kind, small, className)}
      disabled={rest.disabled || busy || waits}
      aria-busy={busy || undefined}
      title={waits ? words.act.stale : rest.title}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

type LinkButtonProps = Look & Omit<ComponentProps<typeof Link>, "children">;

export function LinkButton({ kind, small, icon, children, className, ...rest }: LinkButtonProps) {
  return (
    <Link {...rest} className={classOf(kind, small, className as string | undefined)}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}

type IconButtonProps = Omit<ComponentProps<"button">, "children"> & {
  icon: IconName;
  label: string;
  changes?: boolean;
  children?: ReactNode;
};

/** An icon alone; its label is said and shown on hover. */
export function IconButton({ icon, label, changes, className, children, ...rest }: IconButtonProps) {
  const stale = useStale();
  return (
    <button
      type="button"
      title={label}
      {...rest}
      aria-label={label}
      disabled={rest.disabled || Boolean(changes && stale)}
      className={`${styles.icon} ${className ?? ""}`}
    >
      <Icon name={icon} />
      {children}
    </button>
  );
}

function classOf(kind: Kind = "plain", small?: boolean, more?: string): string {
  return [styles.button, styles[kind], small ? styles.small : "", more ?? ""].filter(Boolean).join(" ");
}
