// Clients of the service, which speak HTTP on loopback.

import { Refused } from "../js/sessions.js";
import { documentRoutes, sessionRoutes, tokenRoutes } from "./routes.js";
import { startService } from "./service.js";

/** A running service of questionnaires and a client of it. */
export async function serveDocuments(handlers) {
  const { ask, close } = await serve(documentRoutes(handlers));
  return {
    duplicatePage: (id, position) => ask("POST", `/documents/${id}/pages/${position}/duplicate`),
    close,
  };
}

/** A running service of accounts and sessions and a client of it. */
export async function serveSessions(handlers) {
  const { ask, close } = await serve(sessionRoutes(handlers));
  return {
    signUp: (name, password) => ask("POST", `/accounts/${name}`, { password }),
    logIn: (name, password) => ask("POST", `/accounts/${name}/sessions`, { password }),
    sessions: (name) => ask("GET", `/accounts/${name}/sessions`),
    logOutEverywhere: (name) => ask("DELETE", `/accounts/${name}/sessions`),
    close,
  };
}

/** A running service of reports and a client of it. */
export async function serveTokens(handlers) {
  const { ask, close } = await serve(tokenRoutes(handlers));
  return { report: () => ask("GET", "/report"), close };
}

async function serve(routes) {
  const service = await startService(routes);
  return {
    async ask(method, path, sent) {
      const response = await fetch(service.origin + path, { method, body: sent && JSON.stringify(sent) });
      const body = await response.json();
      if (response.status === 403) throw new Refused(body.error);
      if (!response.ok) throw new Error(`status=${response.status} ${body.error}`);
      return body;
    },
    close: () => service.close(),
  };
}
