// Locks in a shared worker and says so.

import { works } from "./fresh.mjs";

self.onconnect = async ({ ports: [port] }) => {
  try {
    await works(await import("/bindings-wasm/dist/index.js"));
    port.postMessage("locked");
  } catch (error) {
    port.postMessage(String(error?.stack ?? error));
  }
};
