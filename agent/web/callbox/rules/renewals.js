// @ts-check
/**
 * The transports of a call, by generation: which carries the media, and which one is being made
 * beside it.
 */

/** @typedef {import("./machine.js").Effect} Effect */

/**
 * A transport in the making, beside the one that carries the media.
 * `pacedAt`: when the next one goes out where this one is ours, and has failed by then or later.
 * @typedef {{ generation: number, offeredByUs: boolean, deadline: number, pacedAt: number,
 *   answered: boolean }} Renewal
 */

export class Renewals {
  /** Generations whose transport exists. @type {Set<number>} */
  live = new Set();
  /** The generation that carries the media. */
  current = 0;
  /** The highest generation seen. */
  newest = 0;
  /** The highest that the remote peer offered. */
  newestOfTheirs = 0;
  /** @type {Renewal | null} */
  pending = null;
  /** When the next fresh offer goes out, if nothing arrives by then. @type {number | null} */
  retryAt = null;
  /** How many the remote peer has trickled in this conversation, by section; their ends: "". */
  candidates = new Map();
  /** The first transport has failed before anything was connected. */
  firstFailed = false;
  /** Our network changed while the invitation was open, after the first transport was begun. */
  moved = false;

  /** Whether the remote peer takes part in the one that is being made. */
  get shared() {
    return this.pending !== null && (this.pending.answered || !this.pending.offeredByUs);
  }

  /**
   * @param {number} generation
   * @param {boolean} offeredByUs
   * @param {number} deadline
   * @param {number} retryAt
   */
  begin(generation, offeredByUs, deadline, retryAt) {
    this.newest = Math.max(this.newest, generation);
    this.pending = { generation, offeredByUs, deadline, pacedAt: retryAt, answered: false };
    this.retryAt = retryAt;
  }

  /**
   * The media moves to `generation`; every other transport goes.
   * @param {number} generation
   * @returns {Effect[]}
   */
  takeOver(generation) {
    const others = [...this.live].filter((each) => each !== generation).sort((a, b) => a - b);
    this.live = new Set([generation]);
    this.current = generation;
    this.pending = this.retryAt = null;
    return [{ type: "startMedia", generation }, ...others.map(closePeer)];
  }

  /** @returns {Effect[]} */
  drop() {
    if (this.pending === null) return [];
    const { generation } = this.pending;
    this.pending = null;
    this.live.delete(generation);
    return [closePeer(generation)];
  }

  /** @returns {Effect[]} */
  explainAll() {
    const all = [...this.live].sort((a, b) => a - b);
    return all.map((generation) => ({ type: "explainPeer", generation }));
  }

  /** @returns {Effect[]} */
  closeAll() {
    const all = [...this.live].sort((a, b) => a - b);
    this.live.clear();
    this.pending = this.retryAt = null;
    return all.map(closePeer);
  }
}

/** @param {number} generation @returns {Effect} */
const closePeer = (generation) => ({ type: "closePeer", generation });
