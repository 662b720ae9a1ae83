// The questionnaire service: `node:http`, a table of routes, JSON answers.

import { createServer } from "node:http";

/** The routes: method, path, and what answers. */
function routesOf(handlers) {
  return [
    [
      "POST",
      /^\/documents\/([\w-]+)\/pages\/(\d+)\/duplicate$/,
      (id, position) => handlers.duplicatePage(id, Number(position)),
    ],
  ];
}

/** Starts the service on a free port of the loopback interface. */
export async function startService(handlers) {
  const routes = routesOf(handlers);
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

async function answer(routes, { method, url }) {
  try {
    for (const [verb, pattern, handler] of routes) {
      const match = method === verb && pattern.exec(url);
      if (match) return { status: 200, body: await handler(...match.slice(1)) };
    }
    return { status: 404, body: { error: `no such route: ${method} ${url}` } };
  } catch (error) {
    const missing = error.code === "ENOENT" || error instanceof RangeError;
    return { status: missing ? 404 : 500, body: { error: error.message } };
  }
}
