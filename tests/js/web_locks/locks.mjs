// Managers to test, and locks that are held until a test says so.

/** Opens a space and gives its manager to a test; closes the space at the end. */
export function withLocks(test) {
  return async (host) => {
    const space = await host.latchwork.open();
    try {
      await test({ ...host, space, locks: host.webLocks.lockManager(space) });
    } finally {
      await space.close();
    }
  };
}

/** A request whose callback runs until `release` is called; `started` resolves with its lock, `done` as the request does. */
export function hold(locks, name, options = {}) {
  const request = {};
  request.started = new Promise((resolve) => {
    request.done = locks.request(name, options, (lock) => {
      resolve(lock);
      return new Promise((go, fail) => Object.assign(request, { release: go, fail }));
    });
  });
  // A test that wants to know looks itself.
  request.done.catch(() => {});
  return request;
}
