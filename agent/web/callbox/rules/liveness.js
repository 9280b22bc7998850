// @ts-check
/**
 * Whether the remote peer is there: heard, silent, left, vanished. What a call holds of that.
 *
 * - *Silence.* Nothing has come for a while. The silent transport stays: a path that only had a
 * hole
 *   works again at once, whatever becomes of the fresh ones.
 * - *Giving up.* A peer that sends no packet, and says nothing to an offer that the broker has, has
 *   vanished: `vanished` seconds after its last packet the call ends. Where the broker does not
 * take
 *   our offer the silence may be ours, and it is `iceTimeout` seconds. One that still speaks is
 * there,
 *   and only the path is not: `iceTimeout` seconds from its last word, and never longer than `hold`
 *   from the last packet.
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
  /** When the broker first had an offer of ours, in this silence. @type {number | null} */
  deliveredAt = null;
  /** When it closed the transport that carries the media. @type {number | null} */
  leftAt = null;
  /** Whether the application was told. */
  degraded = false;

  /** @param {number} since */
  fallSilent(since) {
    this.silentSince ??= since;
  }

  /** Something arrives again. Whether the application was told of the silence. */
  restore() {
    const told = this.degraded;
    this.silentSince = this.deliveredAt = this.leftAt = null;
    this.degraded = false;
    return told;
  }

  /**
   * When the remote peer is given up; null while something arrives.
   * @param {typeof import("./machine.js").CALL_TIMING} timing
   * @param {boolean} renewing whether it takes part in making a fresh transport
   */
  giveUpAt(timing, renewing) {
    const { silentSince: silent, wordAt: word } = this;
    if (silent === null) return null;
    if (this.leftAt !== null && !renewing) return this.leftAt + timing.goodbye;
    if (word !== null && word > silent)
      return Math.min(word + timing.iceTimeout, silent + timing.hold);
    if (this.deliveredAt === null) return silent + timing.iceTimeout;
    return Math.max(silent + timing.vanished, this.deliveredAt + timing.answer);
  }
}
