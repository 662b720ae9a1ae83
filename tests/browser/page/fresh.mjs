// Copies of the package with module state of their own, and what the server saw of them.

/** A new copy of the package: each is loaded anew, under an address of its own. */
export class Copy {
  #folder = `/fresh/${crypto.randomUUID()}`;

  /** The address of one of the package's files. */
  address(file) {
    return new URL(`${this.#folder}/${file}`, location.origin).href;
  }

  /** Imports one of the package's entries. */
  entry(name) {
    return import(this.address(`${name}.js`));
  }

  /** How often one of the package's files was asked for. */
  async downloads(file) {
    const asked = await fetch(`/requests?prefix=${this.#folder}/`);
    return (await asked.json()).filter((path) => path === `${this.#folder}/${file}`).length;
  }

  /** Has the next downloads of a file go wrong: `"missing"`, `"page"` (something else comes), or `"cut"` (it breaks off). */
  async breaks(file, kind, times = 1) {
    const path = new URL(this.address(file)).pathname;
    await fetch("/fault", { method: "POST", body: JSON.stringify({ path, kind, times }) });
  }
}

/** The binary's file name. */
export const BINARY = "latchwork_bg.wasm";

/** Takes and releases a lock: what shows that a copy works. */
export async function works({ open }) {
  const space = await open();
  const guard = await space.lock(["a", "b"]);
  if ((await space.tryLock("a")) !== null) throw new Error("the lock is not exclusive");
  guard.release();
  await space.withLock("a", async () => {});
  const left = await space.query();
  if (left.held.length + left.pending.length !== 0) throw new Error("something is left over");
  await space.close();
}
