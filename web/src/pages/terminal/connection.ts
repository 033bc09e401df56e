/** The WebSocket of a terminal: comes back by itself when it breaks, and tells what became of it. */

export type ConnectionState =
  | { kind: "connecting" }
  | { kind: "connected" }
  | { kind: "reconnecting" }
  | { kind: "elsewhere" }
  | { kind: "refused"; why: string }
  | { kind: "ended"; code: number | null };

interface Listener {
  state: (state: ConnectionState) => void;
  printed: (data: Uint8Array) => void;
  opened: () => void;
}

interface Said {
  error?: string;
  exit_code?: number | null;
  signal?: number | null;
}

const RETRY_MS = [250, 500, 1000, 2000, 4000] as const;
const NORMAL = 1000;
const POLICY = 1008;
const REFUSED_MAX = 8;
/** More than anybody types meanwhile. */
const AHEAD_MAX = 1000;

export class Connection {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private said: Said | null = null;
  private left = false;
  /** Typed before there was a connection. */
  private ahead: Uint8Array[] = [];
  private readonly sooner = () => this.retryNow();

  constructor(
    private readonly id: string,
    private readonly listener: Listener,
  ) {}

  open(): void {
    addEventListener("online", this.sooner);
    document.addEventListener("visibilitychange", this.sooner);
    this.connect();
  }

  close(): void {
    this.left = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.sooner);
    document.removeEventListener("visibilitychange", this.sooner);
    this.socket?.close();
  }

  type(data: Uint8Array): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(data as Uint8Array<ArrayBuffer>);
    else if (this.ahead.length < AHEAD_MAX) this.ahead.push(data);
  }

  size(rows: number, cols: number): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ rows, cols }));
  }

  private connect(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/terminals/${this.id}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.said = null;
    socket.onopen = () => {
      this.failures = 0;
      this.listener.state({ kind: "connected" });
      this.listener.opened();
      for (const data of this.ahead) socket.send(data as Uint8Array<ArrayBuffer>);
      this.ahead = [];
    };
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data === "string") this.said = JSON.parse(data) as Said;
      else this.listener.printed(new Uint8Array(data));
    };
    socket.onclose = ({ code }) => this.closed(code);
  }

  private closed(code: number): void {
    if (this.left) return;
    this.socket = null;
    if (code === NORMAL && this.said) this.listener.state({ kind: "ended", code: this.said.exit_code ?? null });
    else if (code === POLICY && this.said?.error?.includes("somebody else")) this.listener.state({ kind: "elsewhere" });
    else if (code === POLICY) this.listener.state({ kind: "refused", why: this.said?.error ?? "" });
    else if (this.failures >= REFUSED_MAX) this.listener.state({ kind: "ended", code: null });
    else {
      this.listener.state({ kind: "reconnecting" });
      this.timer = setTimeout(() => this.connect(), RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]);
    }
  }

  /** The computer is back from sleep or offline: do not wait. */
  private retryNow(): void {
    if (this.left || this.socket !== null || document.hidden || this.failures === 0) return;
    clearTimeout(this.timer);
    this.connect();
  }
}
