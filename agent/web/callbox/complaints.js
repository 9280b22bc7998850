// @ts-check
/** How often a sender is told what was wrong. */

/** So often in so many milliseconds. */
const COMPLAINTS = Object.freeze({ count: 10, period: 10_000 });

export class Complaints {
  #since = 0;
  #count = 0;

  /**
   * Whether to answer, which counts; never an `error`.
   * @param {import("./protocol/malformed.js").MalformedMessage} fault
   */
  mayAnswer({ type }) {
    const now = performance.now();
    if (now - this.#since > COMPLAINTS.period) {
      this.#since = now;
      this.#count = 0;
    }
    return type !== "error" && this.#count++ < COMPLAINTS.count;
  }
}
