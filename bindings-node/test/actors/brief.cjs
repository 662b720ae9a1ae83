// A worker thread with a short life: it takes a lock, waits for another, and is ended, or ends, as it is.

const { parentPort, workerData } = require("node:worker_threads");
const { open } = require("latchwork");

(async () => {
  const space = await open(workerData.url);
  await space.lock(`own ${workerData.number}`);
  const waiting = space.lock("common");
  if (workerData.number % 2 === 0) {
    await waiting;
    parentPort.postMessage("has it");
    // Ends with both in its hands.
    process.exit();
  }
  // Stays until it is ended, also once it has both.
  parentPort.on("message", () => {});
  parentPort.postMessage("waits");
})();
