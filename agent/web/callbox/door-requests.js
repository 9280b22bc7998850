// @ts-check
/** Doors that this client asks for (PROTOCOL 2, `open`). */

import { CallError } from "./errors.js";
import { Deadlines } from "./timers.js";
import { present } from "./values.js";

/** Milliseconds for the device to answer. */
const DOOR_ANSWER = 10_000;
/** What an `error` about an `open` says; any other is about something else. */
const ABOUT_A_DOOR = Object.freeze([
  "not_allowed",
  "stale",
  "clock_unset",
  "no_such_output",
  "wrong_code",
  "locked",
  "failed",
  "signature",
  // of a device that does not know of doors
  "unknown_type",
]);

/**
 * @typedef {import("./signals.js").Signal} Signal
 *
 * @typedef {object} DoorHost
 * @property {string} party
 * @property {(uid: string) => import("./clock.js").Clock} clockOf
 * @property {(to: string, message: object) => Promise<import("./link.js").Delivery>} publish
 */

/** What this client has asked and not heard of yet: one at a time in a conversation. */
export class DoorRequests {
  #host;
  #deadlines = new Deadlines();
  /**
   * By conversation.
   * @type {Map<string, { to: string, settle: (answer: Signal | CallError) => void }>}
   */
  #waiting = new Map();

  /** @param {DoorHost} host */
  constructor(host) {
    this.#host = host;
  }

  /**
   * Has the uid `to` release a door, the first one unless `output` names another, and resolves with
   * its name. A device with another time is asked once more, by its own. Rejects with a CallError:
   * the device's code, `not_authorized` (the broker's word), `busy` or `timeout`.
   * @param {string} to
   * @param {string} conversation
   * @param {string} [output]
   * @param {string} [code]
   * @returns {Promise<string>}
   */
  async ask(to, conversation, output, code) {
    if (this.#waiting.has(conversation)) throw new CallError("busy", "a door is being asked for");
    let answer = await this.#askOnce(to, conversation, output, code);
    if (answer.code === "stale" && answer.now) {
      this.#host.clockOf(to).correct(Date.parse(answer.now));
      answer = await this.#askOnce(to, conversation, output, code);
    }
    if (answer.type === "opened") return answer.output;
    throw new CallError(answer.code, answer.message);
  }

  /**
   * @param {string} to
   * @param {string} conversation
   * @param {string} [output]
   * @param {string} [code]
   * @returns {Promise<Signal>}
   */
  #askOnce(to, conversation, output, code) {
    const issuedAt = this.#host.clockOf(to).format();
    const { party } = this.#host;
    const open = present({ type: "open", conversation, party, output, issuedAt, code });
    return new Promise((resolve, reject) => {
      const settle = (/** @type {Signal | CallError} */ answer) => {
        this.#waiting.delete(conversation);
        this.#deadlines.clear(conversation);
        if (answer instanceof CallError) reject(answer);
        else resolve(answer);
      };
      this.#waiting.set(conversation, { to, settle });
      this.#deadlines.set(conversation, DOOR_ANSWER, () =>
        settle(new CallError("timeout", `${to} does not answer`)),
      );
      void this.#host.publish(to, open).then((delivery) => {
        if (delivery === "refused" && this.#waiting.get(conversation)?.settle === settle)
          settle(new CallError("not_authorized", "the broker does not let this side ask"));
      });
    });
  }

  /**
   * Whether `message` is the answer of `from` to what it was asked.
   * @param {string} from
   * @param {Signal} message
   */
  heard(from, message) {
    const waiting = this.#waiting.get(message.conversation);
    if (waiting?.to !== from) return false;
    const refused = message.type === "error" && ABOUT_A_DOOR.includes(message.code);
    if (message.type !== "opened" && !refused) return false;
    waiting.settle(message);
    return true;
  }
}
