// JSON documents in IndexedDB.

const TABLE = "documents";

/** Opens the store, which is made if it is not there. */
export async function openStore(name) {
  const opening = indexedDB.open(name);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE);
  return new Store(await answerOf(opening));
}

/** Documents are read in one transaction and written in another, as code that awaits in between must do. */
class Store {
  #database;

  constructor(database) {
    this.#database = database;
  }

  async load(id) {
    const document = await answerOf(this.#database.transaction(TABLE).objectStore(TABLE).get(id));
    if (document === undefined) throw new RangeError(`no such document id=${id}`);
    return document;
  }

  async save(id, document) {
    const transaction = this.#database.transaction(TABLE, "readwrite");
    transaction.objectStore(TABLE).put(document, id);
    await ended(transaction);
  }

  /** Closes the store and deletes what is in it. */
  async destroy() {
    this.#database.close();
    await answerOf(indexedDB.deleteDatabase(this.#database.name));
  }
}

function answerOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function ended(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
