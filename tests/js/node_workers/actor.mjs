// A worker thread that makes the calls that it is sent, and tells what comes of them. `remote.mjs` is the other side.

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { LatchworkError, open } from "latchwork";
import { manualClock } from "latchwork/testing";
import { turns } from "../turn.mjs";
import { callOperations } from "./actor_calls.mjs";
import { ANSWERED, decodeArguments, decodeKeys, encodeArguments, errorOf, guardOf, SENT } from "./wire.mjs";

const { commands, flags, order } = workerData;
const spaces = new Map();
/** The requests by their numbers: what withdraws one, its guard, what ends its body. */
const requests = new Map();
const owners = new Map();
const watches = new Map();

const OPERATIONS = {
  open({ space, url, clock, id, limits }) {
    const options = clock === undefined ? limits : { ...limits, clock: manualClock(clock) };
    tell(
      id,
      open(url, options).then((opened) => {
        spaces.set(space, opened);
      }),
    );
  },
  lock: (message) => request(message, (space, args) => space.lock(...args)),
  tryLock: (message) => request(message, (space, args) => space.tryLock(...args)),
  withLock(message) {
    const { id } = message;
    request(message, (space, args, known) => {
      const body = (guard) => {
        known.guard = guard;
        say({ id, running: guardOf(guard) });
        return new Promise((resolve, reject) => {
          known.end = (threw) => (threw ? reject(BODY_THREW) : resolve());
        });
      };
      return space.withLock(...args, body);
    });
  },
  end: ({ id, threw }) => requests.get(id).end(threw),
  abort: ({ id }) => requests.get(id).controller.abort(ABORTED),
  release: ({ id, keys }) => changed(id, (guard) => guard.release(...keys.map(decodeKeys))),
  downgrade: ({ id, keys }) => changed(id, (guard) => guard.downgrade(...keys.map(decodeKeys))),
  lost: ({ id }) => requests.get(id).guard.lost.aborted,
  ownerOf: ({ id, owner }) => named(owner, requests.get(id).guard.owner),
  owner: ({ space, owner, label }) => named(owner, spaces.get(space).owner(label)),
  closeOwner: ({ id, owner }) => tell(id, owners.get(owner).close()),
  handOver: ({ id, guard, to, payload }) => tell(id, requests.get(guard).guard.handOver(to, payload)),
  handedOver({ id, owner }) {
    const inbox = owners.get(owner).handedOver[Symbol.asyncIterator]();
    const known = { inbox };
    requests.set(id, known);
    const next = inbox.next().then(({ done, value }) => {
      if (done) return undefined;
      known.guard = value;
      return guardOf(value);
    });
    tell(id, next);
  },
  leave: ({ id }) => void requests.get(id).inbox.return(),
  revoke: ({ id, space, keys }) => tell(id, spaces.get(space).revoke(decodeKeys(keys))),
  dispose: ({ id }) => requests.get(id).guard[Symbol.dispose](),
  held: ({ id }) => requests.get(id).guard.held,
  within: ({ space, inside, prefix }) => void spaces.set(inside, spaces.get(space).within(decodeKeys(prefix))),
  cells: ({ id, space, how, given }) => tell(id, answered(spaces.get(space)[how](...decoded(given)))),
  atomic({ id, space, steps }) {
    const atomic = spaces.get(space).atomic();
    for (const [how, given] of steps) atomic[how](...decoded(given));
    tell(id, answered(atomic.commit()));
  },
  watch: ({ space, watch, given }) => void watches.set(watch, spaces.get(space).watch(...decoded(given))),
  next: ({ id, watch }) => tell(id, answered(watches.get(watch).next())),
  endWatch: ({ id, watch }) => tell(id, watches.get(watch).return()),
  query: ({ id, space, keys }) => tell(id, spaces.get(space).query(decodeKeys(keys))),
  close: ({ id, space }) => tell(id, spaces.get(space).close()),
};

const BODY_THREW = new Error("the body threw");
const ABORTED = new Error("aborted");

/** What a call on cells was given. */
function decoded(given) {
  return decodeArguments(given, (id) => requests.get(id).guard);
}

/** What it answers, as it can be posted. */
async function answered(promise) {
  return encoded(await promise);
}

function encoded(answer) {
  return encodeArguments([answer], () => undefined)[0];
}

/** Makes an update or a transaction with the options that it is given. */
function callWith({ id, space, options, signal }, call) {
  const known = { controller: new AbortController() };
  requests.set(id, known);
  const given = options && { ...decoded([options])[0] };
  if (given && "owner" in given) given.owner = owners.get(given.owner);
  if (signal === "aborted") known.controller.abort(ABORTED);
  if (signal !== undefined) given.signal = known.controller.signal;
  tell(id, call(spaces.get(space), given ? [given] : []));
}

const CALLS = callOperations({ request: callWith, say, tell, decoded, answered: encoded, thrown: BODY_THREW });

/** Keeps an owner under this number; answers what it shows. */
function named(number, owner) {
  if (owner === undefined) return undefined;
  owners.set(number, owner);
  return { id: owner.id, label: owner.label };
}

/** Does something with the keys of a guard; answers what it shows then. */
function changed(id, call) {
  const { guard } = requests.get(id);
  call(guard);
  return guardOf(guard);
}

function request({ id, space, keys, options, signal }, call) {
  const known = { controller: new AbortController() };
  requests.set(id, known);
  const given = options && { ...options };
  if (given && "shared" in given) given.shared = decodeKeys(given.shared);
  if (given && "owner" in given) given.owner = owners.get(given.owner);
  if (signal === "aborted") known.controller.abort(ABORTED);
  if (signal !== undefined) given.signal = known.controller.signal;
  const answer = call(spaces.get(space), [decodeKeys(keys), ...(given ? [given] : [])], known);
  tell(
    id,
    answer.then((value) => {
      if (!value) return value;
      known.guard = value;
      return guardOf(value);
    }),
  );
}

/** Tells what became of a call, as soon as it is known. */
function tell(id, promise) {
  promise.then(
    (value) => say({ id, value }),
    (error) => {
      if (error === BODY_THREW) say({ id, bodyThrew: true });
      else if (error === ABORTED) say({ id, aborted: true });
      else say({ id, error: errorOf(error, LatchworkError) });
    },
  );
}

/** Says something; the order is that in which the threads said it. */
function say(message) {
  parentPort.postMessage({ at: Atomics.add(order, 0, 1), ...message });
}

/** Answers the other side, which stands still meanwhile. */
function answer(message) {
  commands.postMessage(message);
  Atomics.store(flags, ANSWERED, 1);
  Atomics.notify(flags, ANSWERED);
}

/** Makes the calls of one turn of the other side's loop. Nothing else happens in this thread until that turn is over. */
function hold() {
  answer({});
  for (let handled = Atomics.load(flags, SENT); ; ) {
    const received = receiveMessageOnPort(commands);
    if (received === undefined) {
      Atomics.wait(flags, SENT, handled);
      handled = Atomics.load(flags, SENT);
      continue;
    }
    const { op, ...message } = received.message;
    if (op === "go") return;
    try {
      answer({ value: (OPERATIONS[op] ?? CALLS[op])(message) });
    } catch (error) {
      answer({ error: errorOf(error, LatchworkError) });
    }
  }
}

commands.on("message", async ({ op }) => {
  if (op === "hold") return hold();
  await turns();
  answer({});
});
parentPort.postMessage("ready");
