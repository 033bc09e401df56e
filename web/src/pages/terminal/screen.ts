/** xterm.js in a place of the page, with the page's colours, as large as the place is. */

import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { onColours } from "@/state/preference";

const SCROLLBACK = 10_000;

export class Screen {
  private readonly terminal: Terminal;
  private readonly fit = new FitAddon();
  private readonly watcher: ResizeObserver;
  private readonly encoder = new TextEncoder();
  private readonly unwatchColours: () => void;

  constructor(place: HTMLElement, label: string) {
    this.terminal = new Terminal({
      scrollback: SCROLLBACK,
      fontFamily: style(place, "--mono"),
      fontSize: 13,
      lineHeight: 1.3,
      cursorBlink: false,
      screenReaderMode: false,
      allowProposedApi: false,
      theme: theme(place),
    });
    this.terminal.loadAddon(this.fit);
    this.terminal.open(place);
    this.terminal.textarea?.setAttribute("aria-label", label);
    this.fit.fit();
    this.watcher = new ResizeObserver(() => this.fit.fit());
    this.watcher.observe(place);
    this.unwatchColours = onColours(() => {
      this.terminal.options.theme = theme(place);
    });
    this.terminal.focus();
  }

  get rows(): number {
    return this.terminal.rows;
  }

  get cols(): number {
    return this.terminal.cols;
  }

  write(data: Uint8Array): void {
    this.terminal.write(data);
  }

  clear(): void {
    this.terminal.reset();
  }

  onType(listener: (data: Uint8Array) => void): void {
    this.terminal.onData((text) => listener(this.encoder.encode(text)));
    this.terminal.onBinary((text) => listener(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
  }

  onSize(listener: (rows: number, cols: number) => void): void {
    this.terminal.onResize(({ rows, cols }) => listener(rows, cols));
  }

  close(): void {
    this.watcher.disconnect();
    this.unwatchColours();
    this.terminal.dispose();
  }
}

function style(place: HTMLElement, name: string): string {
  return getComputedStyle(place).getPropertyValue(name).trim();
}

/** Programs choose colours by name alone; each is one that can be read on our ground. */
function theme(place: HTMLElement): Record<string, string> {
  const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  const named = {
    black: dark ? style(place, "--line-strong") : style(place, "--ink"),
    red: style(place, "--failed"),
    green: style(place, "--done"),
    yellow: dark ? "#e6c35c" : "#7a5c00",
    blue: style(place, "--running"),
    magenta: dark ? "#d99bea" : "#9333a8",
    cyan: dark ? "#5fd3e6" : "#0b7285",
    white: style(place, "--muted"),
  };
  const bright = Object.entries(named).map(([name, colour]) => [`bright${name[0]?.toUpperCase()}${name.slice(1)}`, colour]);
  return {
    ...named,
    ...Object.fromEntries(bright),
    background: style(place, "--page"),
    foreground: style(place, "--text"),
    cursor: style(place, "--accent"),
    cursorAccent: style(place, "--page"),
    selectionBackground: style(place, "--accent-soft"),
    brightBlack: style(place, "--muted"),
    brightWhite: style(place, "--text"),
  };
}
