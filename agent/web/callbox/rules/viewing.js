// @ts-check
/**
 * Views: whoever only looks (PROTOCOL 3, `purpose: view`), and the way from there to a talk.
 *
 * A view goes one way and takes no line. It becomes a talk by a fresh transport whose offer sends
 * sound: from the moment that this is asked for, or let in, the line is taken; once that transport
 * is connected the call is a talk, and stays one. Where the transport comes to nothing, it was and
 * is a view.
 */

/** @typedef {"talk" | "view"} Purpose */

/** Of one call. */
export class Viewing {
  /** The transport that would make a view a talk. @type {number | null} */
  generation = null;
  /** What may flow in that talk. @type {Record<string, any>} */
  grant = {};
  /** Why the last wish to talk came to nothing. @type {{ code: string, message: string } | null} */
  refusal = null;

  /** @param {Purpose} [purpose] */
  constructor(purpose = "talk") {
    this.purpose = purpose;
  }

  /** Whether it is about to become a talk. */
  get asks() {
    return this.generation !== null;
  }

  /** Whether it only looks, and so takes no line. */
  get looks() {
    return this.purpose === "view" && !this.asks;
  }

  /**
   * `grant`, as far as a view has it.
   * @param {Record<string, any>} grant
   * @param {"incoming" | "outgoing"} direction
   */
  narrow(grant, direction) {
    if (this.purpose === "talk") return grant;
    return { ...grant, ...(direction === "incoming" ? { receives: false } : { sends: false }) };
  }

  /** The transport `generation` is made for a talk.
   * @param {number} generation
   * @param {Record<string, any>} grant
   */
  ask(generation, grant) {
    this.generation = generation;
    this.grant = grant;
    this.refusal = null;
  }

  /** It stays a view. @param {string} code @param {string} message */
  refuse(code, message) {
    this.generation = null;
    this.refusal = { code, message };
  }

  becomeTalk() {
    this.purpose = "talk";
    this.generation = null;
  }
}
