/** Drawn here, 16 by 16, one stroke: no icon font, nothing from elsewhere. */

const PATHS = {
  home: "M2.5 7.5 8 2.8l5.5 4.7M4 6.5v6.7h8V6.5M6.7 13.2V9.5h2.6v3.7",
  jobs: "M2.5 3.5h11M2.5 8h11M2.5 12.5h7",
  sessions: "M2 3.2h12v8H2zM5.5 13.5h5M5 6l1.7 1.5L5 9M8.5 9h2.3",
  files: "M2 12.8V3.2h4.2l1.5 1.9H14v7.7z",
  cluster: "M2.5 2.5h4.6v4.6H2.5zM8.9 2.5h4.6v4.6H8.9zM2.5 8.9h4.6v4.6H2.5zM8.9 8.9h4.6v4.6H8.9z",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
  plus: "M8 3v10M3 8h10",
  bell: "M3.5 11.5V7a4.5 4.5 0 0 1 9 0v4.5l1 .8h-11zM6.5 14h3",
  user: "M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM2.8 13.8c.5-2.7 2.5-4 5.2-4s4.7 1.3 5.2 4",
  close: "m3.5 3.5 9 9M12.5 3.5l-9 9",
  check: "m3 8.5 3.3 3.3L13 4.8",
  down: "m4 6 4 4 4-4",
  right: "m6 4 4 4-4 4",
  left: "m10 4-4 4 4 4",
  up: "m4 10 4-4 4 4",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  copy: "M5.5 5.5h7.5v8H5.5zM3 10.5v-8h7.5",
  terminal: "M2 3h12v10H2zM4.8 6l2 2-2 2M8.5 10.2h2.8",
  play: "M4.5 3v10l8-5z",
  stop: "M4 4h8v8H4z",
  pause: "M5.2 3.5v9M10.8 3.5v9",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  edit: "m3 13 .6-2.8 7-7 2.2 2.2-7 7zM9.3 4.5l2.2 2.2",
  trash: "M3 4.5h10M6 4.5v-2h4v2M4.3 4.5l.5 9h6.4l.5-9",
  upload: "M8 10.5V3M5 6l3-3 3 3M2.5 10.5v3h11v-3",
  download: "M8 3v7.5M5 7.5l3 3 3-3M2.5 10.5v3h11v-3",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  folder: "M2 12.8V3.2h4.2l1.5 1.9H14v7.7z",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.3 1.5",
  warn: "M8 2.5 14.2 13H1.8zM8 6.5v3M8 11.3h.01",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.3v3.5M8 5.2h.01",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  gear: "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM8 2v1.8M8 12.2V14M2 8h1.8M12.2 8H14M3.8 3.8 5 5M11 11l1.2 1.2M3.8 12.2 5 11M11 5l1.2-1.2",
  key: "M5.5 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM7.6 7.9 13 2.5M11 4.5l1.8 1.8M9.2 6.3l1.3 1.3",
  book: "M3 3h4.2c.5 0 .8.3.8.8V13c0-.5-.4-.8-.8-.8H3zM13 3H8.8c-.5 0-.8.3-.8.8V13c0-.5.4-.8.8-.8H13z",
  out: "M6.5 2.5H3v11h3.5M10 5l3 3-3 3M13 8H6.5",
  external: "M6.5 3H3v10h10V9.5M9 3h4v4M13 3 7.5 8.5",
  filter: "M2 3.5h12L9.5 8.7v4.3l-3-1.5V8.7z",
  hold: "M5.5 8V3.8a1 1 0 0 1 2 0V8M7.5 7.5V3a1 1 0 0 1 2 0v4.5M9.5 8V4.3a1 1 0 0 1 2 0V10c0 2.3-1.5 4-3.8 4-2 0-2.9-.9-3.8-2.8L2.8 8.6c-.4-.9.9-1.6 1.5-.8l1.2 1.6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "more" ? 2.2 : 1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
