// Sends requests, many at once, and counts what became of them.

/** What `inTime` answers instead of a value that did not come. */
export const LATE = Symbol("late");

/** The value of the promise, or `LATE` after `patience` milliseconds. */
export async function inTime(promise, patience) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, patience, LATE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends `count` requests, `atOnce` of them under way at a time; one without an answer in time is stuck. */
export async function sendMany({ count, atOnce, patience = 30_000, send }) {
  const answers = [];
  let unsent = count;
  let stuck = 0;
  const start = performance.now();
  const sender = async () => {
    while (unsent > 0) {
      unsent -= 1;
      const answer = await inTime(send(), patience);
      if (answer === LATE) stuck += 1;
      else answers.push(answer);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, sender));
  return { answers, stuck, perSecond: answers.length / ((performance.now() - start) / 1000) };
}

/** How many of `count` updates were lost: their page is not there, or their answer was another's too. */
export function lostUpdates({ count, pages, answers }) {
  return Math.max(count + 1 - pages, answers.length - new Set(answers).size);
}

/** The line that the task runner reads. */
export function outcome({ host, name, requests, lost, stuck, perSecond }) {
  return JSON.stringify({
    host,
    case: name,
    requests,
    lost_without: lost[0],
    lost_with: lost[1],
    stuck_without: stuck[0],
    stuck_with: stuck[1],
    rps_without: perSecond[0],
    rps_with: perSecond[1],
  });
}
