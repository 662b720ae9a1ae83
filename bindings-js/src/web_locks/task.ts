/**
 * Tasks of the host's event loop: the callbacks of the Web Locks API each run in one of their own.
 *
 * @internal
 */

/** Has the host call a function in a task of its own, in the order of these calls. */
export const enqueue: (run: () => void) => void = typeof setImmediate === "function" ? setImmediate : messages();

/** By messages to oneself: unlike timers they come at once, also in a page that is not seen. */
function messages(): (run: () => void) => void {
  const waiting: (() => void)[] = [];
  let next = 0;
  let sender: MessagePort | undefined;
  return (run) => {
    sender ??= open(() => {
      const first = waiting[next++] as () => void;
      if (next === waiting.length) next = waiting.length = 0;
      first();
    });
    waiting.push(run);
    sender.postMessage(undefined);
  };
}

function open(receive: () => void): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = receive;
  return port2;
}

/** Where there is such a thing; the types are those of pages. */
declare const setImmediate: ((run: () => void) => void) | undefined;
