// A static server for the tests: it serves the repository's folders on one loopback origin, takes the reports that
// pages send, keeps a log of what was asked for, and fails on purpose where a test orders it to.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { pipeline } from "node:stream";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** The folders that a page may read if nothing else is said; addresses look like the paths in the repository. */
const SERVED = ["tests/", "bindings-wasm/", "bindings-js/"];

/** The package's files are also served under `/fresh/<id>/`, so that a test gets module state of its own. */
const FRESH = /^\/fresh\/([\w-]+)\/(.*)$/;
const PACKAGE_FILES = "bindings-wasm/dist/";

/**
 * Starts the server on a free port of the loopback interface.
 *
 * @param {{ root: string, served?: string[], onReport?: (run: string, events: object[]) => void }} options
 */
export async function startServer({ root, served = SERVED, onReport = () => {} }) {
  const requests = [];
  const faults = new Map();

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    answer(request, response, url).catch((error) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error?.stack ?? error));
    });
  });

  async function answer(request, response, url) {
    switch (url.pathname) {
      case "/report":
        onReport(url.searchParams.get("run"), JSON.parse(await body(request)));
        return json(response, {});
      case "/requests":
        return json(
          response,
          requests.filter((path) => path.startsWith(url.searchParams.get("prefix"))),
        );
      case "/fault": {
        const { path, kind, times } = JSON.parse(await body(request));
        faults.set(path, { kind, times });
        return json(response, {});
      }
      case "/favicon.ico":
        response.writeHead(204).end();
        return undefined;
    }
    requests.push(url.pathname);
    const fault = faults.get(url.pathname);
    if (fault && fault.times > 0) {
      fault.times -= 1;
      return fail(response, fault.kind);
    }
    return file(response, url.pathname);
  }

  async function file(response, pathname) {
    const fresh = FRESH.exec(pathname);
    const relative = path.posix.normalize(decodeURIComponent(fresh ? PACKAGE_FILES + fresh[2] : pathname.slice(1)));
    if (!served.some((folder) => relative.startsWith(folder))) return missing(response, pathname);
    const full = path.join(root, relative);
    const found = await stat(full).catch(() => null);
    if (!found?.isFile()) return missing(response, pathname);
    response.writeHead(200, {
      "content-type": TYPES[path.extname(full)] ?? "application/octet-stream",
      "content-length": found.size,
      "cache-control": "no-store",
    });
    pipeline(createReadStream(full), response, () => {});
    return undefined;
  }

  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The ways in which a download can go wrong; each is asked for by a test. */
function fail(response, kind) {
  switch (kind) {
    case "missing":
      return missing(response, "by order of a test");
    case "page":
      response.writeHead(200, { "content-type": "text/html" });
      return response.end("<!doctype html><title>sign in</title>");
    case "cut":
      response.writeHead(200, { "content-type": "application/wasm", "content-length": 4096 });
      return response.write(Buffer.from([0x00, 0x61, 0x73, 0x6d]), () => response.destroy());
    default:
      throw new Error(`no such fault kind=${kind}`);
  }
}

function missing(response, pathname) {
  response.writeHead(404, { "content-type": "text/plain" });
  response.end(`not served path=${pathname}`);
}

function json(response, value) {
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(value));
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
