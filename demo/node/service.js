// The service: `node:http`, a table of routes, JSON in and out.

import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { Refused } from "../js/sessions.js";

/** Starts the service of some routes on a free port of the loopback interface. */
export async function startService(routes) {
  const server = createServer(async (request, response) => {
    const { status, body } = await answer(routes, request);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(routes, request) {
  const { method, url } = request;
  try {
    for (const [verb, pattern, handler] of routes) {
      const match = method === verb && pattern.exec(url);
      if (!match) continue;
      const sent = Number(request.headers["content-length"] ?? 0) > 0 ? await json(request) : {};
      return { status: 200, body: await handler(...match.slice(1), sent) };
    }
    return { status: 404, body: { error: `no such route: ${method} ${url}` } };
  } catch (error) {
    return { status: statusOf(error), body: { error: error.message } };
  }
}

function statusOf(error) {
  if (error instanceof Refused) return 403;
  return error.code === "ENOENT" || error instanceof RangeError ? 404 : 500;
}
