// Updates and transactions as a worker makes them: their bodies run on the other side. `remote_calls.mjs` is that.

import { DELETE, KEEP, LatchworkError } from "latchwork";
import { errorOf } from "./wire.mjs";

const ANSWERS = { keep: KEEP, delete: DELETE };
let runs = 0;
/** The bodies that run, by numbers: their handles, and what ends them. */
const running = new Map();

/** The operations of a worker. `request` makes one that can be withdrawn and has options. */
export function callOperations({ request, say, tell, decoded, answered, thrown }) {
  const body = (id, shown, tx) => {
    const run = ++runs;
    say({ id, running: { run, ...shown() } });
    return new Promise((resolve, reject) => {
      running.set(run, { tx, resolve, reject });
    });
  };
  const handle = (id) => (tx) => body(id, () => ({ attempt: tx.attempt }), tx);
  return {
    update: (message) =>
      request(message, async (space, options) => {
        const [key] = decoded([message.key]);
        const shown = (entry) => () => ({ entry: answered(entry) });
        return posted(await space.update(key, (_, entry) => body(message.id, shown(entry)), ...options));
      }),
    transact: (message) =>
      request(message, async (space, options) => posted(await space.transact(handle(message.id), ...options))),
    savepoint: ({ id, run }) =>
      tell(
        id,
        running
          .get(run)
          .tx.transact(handle(id))
          .then(() => ({})),
      ),
    endRun({ run, answer, value, threw }) {
      const { resolve, reject } = running.get(run);
      if (threw) reject(thrown);
      else resolve(answer === undefined ? decoded([value])[0] : ANSWERS[answer]);
    },
    through: ({ id, run, how, given }) =>
      tell(
        id,
        running
          .get(run)
          .tx[how](...decoded(given))
          .then((answer) => answered(answer ?? null)),
      ),
    mark({ run, how, given }) {
      try {
        running.get(run).tx[how](...given);
      } catch (error) {
        return errorOf(error, LatchworkError);
      }
      throw new Error("it went on");
    },
    onCommit: ({ run, callback }) => running.get(run).tx.onCommit(() => say({ id: callback, called: true })),
  };

  /** What a call came to; what its body returned is known on the other side. */
  function posted({ version, attempts, changed, value }) {
    return { version, attempts, changed, value: changed === undefined ? undefined : answered(value) };
  }
}
