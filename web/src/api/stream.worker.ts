/** The shared worker: a hub that tells every tab. It ends with the last tab. */

import { Hub, type Wish } from "./hub";
import type { Tell } from "./stream";

const hub = new Hub();

(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0];
  if (!port) return;
  const tell: Tell = (messages) => port.postMessage(messages);
  port.onmessage = ({ data }: MessageEvent<Wish>) => hub.hear(tell, data);
  // It is here; what it hears comes later.
  tell([]);
};
