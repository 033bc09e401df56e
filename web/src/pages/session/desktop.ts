/** The connection to a desktop: VNC over a WebSocket of the session, shown by noVNC. It is taken up again by itself. */

import type Rfb from "@novnc/novnc";
import { giveStylesTheNonce } from "@/state/nonce";

export type DesktopState = "connecting" | "open" | "cut";

const AGAIN_MS = [500, 1000, 2000, 5000];

export class Desktop {
  private rfb: Rfb | null = null;
  private closed = false;
  private tries = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly place: HTMLElement,
    private readonly session: number,
    private readonly tell: (state: DesktopState) => void,
  ) {}

  async open(): Promise<void> {
    giveStylesTheNonce();
    this.tell("connecting");
    const { default: RFB } = await import("@novnc/novnc");
    if (this.closed) return;
    const rfb = new RFB(this.place, address(this.session), { shared: true });
    rfb.scaleViewport = true;
    rfb.resizeSession = true;
    rfb.focusOnClick = true;
    rfb.showDotCursor = true;
    rfb.background = "transparent";
    rfb.addEventListener("connect", () => {
      this.tries = 0;
      this.tell("open");
      rfb.focus();
    });
    rfb.addEventListener("disconnect", () => this.gone(rfb));
    rfb.addEventListener("clipboard", (event) => void keepClipboard(event as CustomEvent<{ text: string }>));
    this.rfb = rfb;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.rfb?.disconnect();
    this.rfb = null;
  }

  ctrlAltDel(): void {
    this.rfb?.sendCtrlAltDel();
    this.rfb?.focus();
  }

  paste(text: string): void {
    this.rfb?.clipboardPasteFrom(text);
    this.rfb?.focus();
  }

  private gone(rfb: Rfb): void {
    if (this.closed || this.rfb !== rfb) return;
    this.rfb = null;
    const wait = AGAIN_MS[this.tries++];
    if (wait === undefined) {
      this.tell("cut");
      return;
    }
    this.tell("connecting");
    this.timer = setTimeout(() => void this.open(), wait);
  }
}

function address(session: number): string {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/session/${session}/websockify`;
}

/** What is copied in the desktop is in this computer's clipboard too, where the browser lets it. */
async function keepClipboard(event: CustomEvent<{ text: string }>): Promise<void> {
  await navigator.clipboard?.writeText(event.detail.text).catch(() => undefined);
}
