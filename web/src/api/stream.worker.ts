/** The shared worker: one stream, told to every tab. It ends with the last tab. */

import { Stream, type StreamMessage } from "./stream";

const ports = new Set<MessagePort>();
let last: StreamMessage = { kind: "cut" };

const stream = new Stream((message) => {
  if (message.kind === "open" || message.kind === "cut" || message.kind === "refused") last = message;
  for (const port of ports) port.postMessage(message);
});

(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0];
  if (!port) return;
  ports.add(port);
  port.onmessage = ({ data }: MessageEvent<"open" | "close" | "leave">) => {
    if (data === "open") stream.open();
    else if (data === "leave") ports.delete(port);
    else stream.close();
  };
  if (last.kind === "open") port.postMessage({ kind: "open", fresh: true });
};
