// S11: a handler takes `encoder`, starts a job, hands its guard over, answers, and ends.

import { is, isEmpty, isError, ok, rejects, same } from "../check.mjs";
import { state } from "../turn.mjs";

const HOPS = 1000;
const ACTORS = 10;

/** The next guard that was handed over to an owner. */
async function taken(owner) {
  const inbox = owner.handedOver[Symbol.asyncIterator]();
  return (await inbox.next()).value;
}

async function theJobGoesOn(host) {
  const space = await host.latchwork.open();
  const [request, job] = [space.owner("request"), space.owner("job")];
  const guard = await space.lock(["encoder", "film"], { owner: request });
  const next = space.lock("encoder", { label: "next" });
  same(await guard.handOver(job, { film: "a.mov" }), { delivered: true });
  is(await request.close(), 0, "the end of the giver does not matter");
  is(await space.tryLock("encoder"), null, "a try meanwhile");
  const { held, pending } = await space.query();
  same(
    held.map(({ keys, owner }) => [keys, owner.label]),
    [[["encoder", "film"], "job"]],
    "who holds it",
  );
  same(
    pending.map(({ label, position, blockedBy }) => [label, position, blockedBy[0].owner.label]),
    [["next", 1, "job"]],
  );
  const mine = await taken(job);
  same([mine.token, mine.keys, mine.payload], [guard.token, ["encoder", "film"], { film: "a.mov" }]);
  ok(mine.held && !guard.held, "who holds it");
  is(await state(next), "pending");
  mine.release();
  const after = await next;
  same([after.abandoned, after.token > mine.token], [false, true], "who was queued");
  after.release();
  await isEmpty(space);
  await space.close();
}

/** One guard goes round a ring of actors, and keeps its token; who waits stays where it is. */
async function aThousandTimes(host) {
  const space = await host.latchwork.open();
  const owners = Array.from({ length: ACTORS }, (_, index) => space.owner(`actor ${index}`));
  const first = await space.lock(["encoder", "film"], { owner: owners[0] });
  const next = space.lock("encoder");
  const actor = async (index) => {
    let hops = 0;
    for await (const guard of owners[index].handedOver) {
      const hop = guard.payload;
      same([hop % ACTORS, guard.token], [index, first.token], "a hand-over");
      hops++;
      if (hop === HOPS) {
        guard.release();
        for (const owner of owners) is(await owner.close(), 0);
      } else {
        same(await guard.handOver(owners[(index + 1) % ACTORS], hop + 1), { delivered: true });
      }
    }
    return hops;
  };
  const all = Promise.all(owners.map((_, index) => actor(index)));
  await first.handOver(owners[1], 1);
  same(await all, Array(ACTORS).fill(HOPS / ACTORS));
  const after = await next;
  ok(after.token > first.token, "the token of who waited");
  after.release();
  await isEmpty(space);
  await space.close();
}

async function toOneselfAndToTheClosed(host) {
  const space = await host.latchwork.open();
  const [own, closed] = [space.owner("own"), space.owner("closed")];
  await closed.close();
  const guard = await space.lock(["encoder", "film"], { owner: own });
  const next = space.lock("film");
  isError(host, await rejects(guard.handOver(own)), "invalid", { what: "owner" });
  ok(guard.held, "it has moved");
  is(await state(next), "pending");
  same(await guard.handOver(closed), { delivered: false });
  is(guard.held, false);
  (await next).release();
  isError(host, await rejects(guard.handOver(own)), "not_held");
  await isEmpty(space);
  await space.close();
}

/** Its request is resolved with the whole guard, past those who came before it. */
async function toTheQueued(host) {
  const space = await host.latchwork.open();
  for (const mode of ["exclusive", "shared"]) {
    const job = space.owner("job");
    const guard = await space.lock(["encoder", "film"]);
    const earlier = space.lock("encoder");
    const wants = space.lock("encoder", { owner: job, mode });
    same(await guard.handOver(job, 5), { delivered: true });
    const mine = await wants;
    same([mine.token, mine.keys, mine.payload], [guard.token, ["encoder", "film"], 5], mode);
    is(await state(earlier), "pending", "who came before");
    mine.release();
    (await earlier).release();
    is(await job.close(), 0, "it was handed over a second time");
  }
  await isEmpty(space);
  await space.close();
}

/** Whoever waits for more than it is given would wait for itself. */
async function toWhoWouldWaitForItself(host) {
  const space = await host.latchwork.open();
  const [giver, job] = [space.owner("giver"), space.owner("job")];
  const disk = await space.lock("disk");
  const guard = await space.lock("encoder", { owner: giver });
  const stop = new AbortController();
  const wants = rejects(space.lock(["encoder", "disk"], { owner: job, signal: stop.signal }));
  const { cycle } = isError(host, await rejects(guard.handOver(job)), "deadlock");
  ok(cycle.length > 0 && guard.held, "it has moved");
  const { held } = await space.query(["encoder"]);
  is(held[0].owner.label, "giver");
  stop.abort("enough");
  is(await wants, "enough");
  same(await guard.handOver(job), { delivered: true });
  is(await job.close(), 1);
  disk.release();
  await isEmpty(space);
  await space.close();
}

/** Released by the one and locked by the other: whoever is queued comes between, and so does a try. */
async function control(host) {
  const space = await host.latchwork.open();
  const guard = await space.lock("encoder");
  guard.release();
  const between = await space.tryLock("encoder");
  ok(between !== null, "free for a moment");
  between.release();
  const again = await space.lock("encoder");
  const queued = space.lock("encoder");
  again.release();
  const job = space.lock("encoder");
  ok((await queued).held, "before the job");
  is(await state(job), "pending");
  (await queued).release();
  const late = await job;
  ok(late.token > guard.token, "another grant: what was fenced by the first is refused");
  late.release();
  await space.close();
}

export const tests = [
  { name: "the job goes on when the handler has ended", run: theJobGoesOn },
  { name: `${HOPS} hand-overs`, run: aThousandTimes },
  { name: "to oneself, and to an owner that is closed", run: toOneselfAndToTheClosed },
  { name: "to an owner that is queued", run: toTheQueued },
  { name: "to one that would wait for itself", run: toWhoWouldWaitForItself },
  { name: "control: released and locked again lets others between", run: control },
];
