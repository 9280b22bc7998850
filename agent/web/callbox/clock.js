// @ts-check
/** The time of day by which invitations are dated. */

/** No clock is right that is earlier than this file. */
const EARLIEST_PLAUSIBLE = Date.UTC(2026, 10, 1);
/** So many remote peers are remembered. */
const MAX_CLOCKS = 1000;

/** The system's time, corrected for one remote peer that says how late it is there. */
export class Clock {
  #offset = 0;

  now() {
    return Date.now() + this.#offset;
  }

  get plausible() {
    return this.now() >= EARLIEST_PLAUSIBLE;
  }

  /** @param {number} now milliseconds since the Unix epoch, there */
  correct(now) {
    if (Number.isFinite(now)) this.#offset = now - Date.now();
  }

  format(moment = this.now()) {
    return new Date(moment).toISOString();
  }
}

/**
 * A clock for each remote peer: what one of them says of the time counts for calls with it alone.
 */
export class Clocks {
  /** @type {Map<string, Clock>} */
  #clocks = new Map();

  /** @param {string} uid @returns {Clock} */
  of(uid) {
    // Whoever was asked for last is forgotten last.
    const clock = this.#clocks.get(uid) ?? new Clock();
    this.#clocks.delete(uid);
    this.#clocks.set(uid, clock);
    const [oldest] = this.#clocks.keys();
    if (this.#clocks.size > MAX_CLOCKS) this.#clocks.delete(oldest);
    return clock;
  }
}
