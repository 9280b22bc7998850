// @ts-check
/**
 * Whether the remote peer is there: heard, silent, left, lost. What a call holds of that.
 *
 * - *Silence.* Nothing has come for a while. The silent transport stays: a path that only had a
 *   hole works again at once, whatever becomes of the fresh ones.
 * - *Lost, not over* (PROTOCOL 3). `lost` seconds after the last packet the line of the call counts
 *   as free. It keeps its place until `hold` seconds after that packet: the remote peer may be in a
 *   tunnel, or its router restarts.
 * - *Last words.* Closing DTLS is one: if neither a `close` nor a fresh offer has come `goodbye`
 *   seconds later, the remote peer has hung up.
 *
 * Each deadline counts from the silence, not from the attempt: renewing for ever keeps no call.
 */

export class Liveness {
  /** When the last packet came, once nothing has come for a while. @type {number | null} */
  silentSince = null;
  /** When the remote peer last said something. @type {number | null} */
  wordAt = null;
  /** When it closed the transport that carries the media. @type {number | null} */
  leftAt = null;
  /** When the call was lost, the last time; kept when it lives again. @type {number | null} */
  lostAt = null;
  /** Whether the application was told. */
  degraded = false;

  /** @param {number} since */
  fallSilent(since) {
    this.silentSince ??= since;
  }

  /** Something arrives again. Whether the application was told of the silence. */
  restore() {
    const told = this.degraded;
    this.silentSince = this.leftAt = null;
    this.degraded = false;
    return told;
  }

  /**
   * When the call is lost; null while something arrives.
   * @param {typeof import("./machine.js").CALL_TIMING} timing
   */
  loseAt(timing) {
    return this.silentSince === null ? null : this.silentSince + timing.lost;
  }

  /**
   * When the remote peer is given up; null while something arrives.
   * @param {typeof import("./machine.js").CALL_TIMING} timing
   * @param {boolean} renewing whether it takes part in making a fresh transport
   */
  giveUpAt(timing, renewing) {
    if (this.silentSince === null) return null;
    if (this.leftAt !== null && !renewing) return this.leftAt + timing.goodbye;
    return this.silentSince + timing.hold;
  }
}
