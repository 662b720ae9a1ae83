/**
 * A queue for one key written by hand, whose bodies run each in the async context of its own caller, as ours do and those
 * of async-lock do not. It knows neither several keys nor modes, time-outs or signals: the least that such a queue costs.
 */
export class Queue {
  #waiting = [];
  #next = 0;
  #held = false;

  withLock(body) {
    if (!this.#held) {
      this.#held = true;
      return this.#start(body);
    }
    // The reaction belongs to the caller's context, whoever settles the promise.
    return new Promise((resolve) => this.#waiting.push(resolve)).then(() => this.#start(body));
  }

  #start(body) {
    return body().then(
      (value) => {
        this.#release();
        return value;
      },
      (error) => {
        this.#release();
        throw error;
      },
    );
  }

  #release() {
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
      this.#held = false;
    } else {
      this.#waiting[this.#next++]();
    }
  }
}
