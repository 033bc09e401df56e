/** The sign of an app: drawn here for those that come with the product, else its first letters. */

import styles from "./AppIcon.module.css";

const DRAWN: Record<string, string> = {
  jupyter: "M3.2 7.2A5.2 3.6 0 0 1 12.8 7.2M3.2 9.2A5.2 3.6 0 0 0 12.8 9.2M3.4 3.2h.01M12.4 2.8h.01M4.6 13.4h.01",
  vscode: "m5.8 4.2-3.6 3.8 3.6 3.8M10.2 4.2l3.6 3.8-3.6 3.8M9 2.6 7 13.4",
  desktop: "M2 3h12v8H2zM6 14h4M8 11v3",
  shell: "M2 3h12v10H2zM4.6 6l2 2-2 2M8.4 10.2h2.8",
  tensorboard: "M2.5 13.5h11M4.5 11V8M8 11V3.5M11.5 11V6",
  marimo: "M8 2.5c3.4 2 5 4.4 5 6.6A4.8 4.8 0 0 1 8 14a4.8 4.8 0 0 1-5-4.9c0-2.2 1.6-4.6 5-6.6zM8 6v8",
  ray: "M8 3.4v3M8 9.6v3M3.4 8h3M9.6 8h3M8 2.2h.01M8 13.8h.01M2.2 8h.01M13.8 8h.01M6.6 6.6h2.8v2.8H6.6z",
  rstudio: "M4.5 13V3h4a2.7 2.7 0 0 1 0 5.5h-4M8.3 8.5l3.4 4.5",
};
const SAME: Record<string, string> = { "code-server": "vscode", code: "vscode", jupyterlab: "jupyter", "ray-cluster": "ray" };

export function AppIcon({ app, title, large }: { app: string; title: string; large?: boolean }) {
  const path = DRAWN[app] ?? DRAWN[SAME[app] ?? ""];
  return (
    <span className={`${styles.icon} ${large ? styles.large : ""}`} aria-hidden="true">
      {path ? (
        <svg viewBox="0 0 16 16" width="20" height="20" fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round">
          <path d={path} />
        </svg>
      ) : (
        title.slice(0, 2)
      )}
    </span>
  );
}
