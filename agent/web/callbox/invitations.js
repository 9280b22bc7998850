// @ts-check
/** How an invitation goes out: when there is a broker, and again while nobody hears it. */

import { pause } from "./timers.js";
import { present } from "./values.js";

/** Milliseconds; a device that has lost its broker is soon back. */
const REPEAT = 1_000;

/**
 * @typedef {object} Host What a conversation needs of the client that owns it.
 * @property {string} party
 * @property {import("./clock.js").Clock} clock the remote peer's time of day
 * @property {RTCIceServer[]} iceServers
 * @property {() => Promise<void>} ready
 * @property {() => boolean} connected
 * @property {(to: string, message: object, expiry?: number) =>
 *   Promise<import("./link.js").Delivery>} publish
 * @property {import("./door-requests.js").DoorRequests} doors
 * @property {() => void} renewConnection
 * @property {(before: string) => void} onRenamed
 * @property {() => boolean} mayTalk whether a line is free
 * @property {() => void} onAccepted
 * @property {(before: string) => void} onStep it was in that state before, and may be in another
 * @property {() => void} onEnded
 */

export class Invitations {
  #host;
  #rules;
  #describe;
  #shell;

  /**
   * @param {Host} host
   * @param {import("./shell.js").Rules} rules
   * @param {() => string} describe the offer, with the candidates known so far
   * @param {{ fail: (code: string, message: string) => void, step: (input: any) => void }} shell
   */
  constructor(host, rules, describe, shell) {
    this.#host = host;
    this.#rules = rules;
    this.#describe = describe;
    this.#shell = shell;
  }

  /**
   * Sends one. The same may come twice over there, but it must come once.
   * @param {import("./rules/machine.js").Effect} effect
   * @param {boolean} shareIceServers
   */
  async send({ to, lifetime, userData, purpose }, shareIceServers) {
    const id = this.#rules.signaledAs;
    const waits = () => this.#rules.state === "inviting" && this.#rules.signaledAs === id;
    await this.#host.ready();
    if (!waits()) return;
    const { iceServers, party, clock } = this.#host;
    const invite = present({
      type: "invite",
      conversation: id,
      party,
      sdp: this.#describe(),
      sentAt: clock.format(),
      lifetime,
      userData,
      purpose,
      iceServers: shareIceServers && iceServers.length > 0 ? iceServers.slice(0, 10) : undefined,
    });
    let told = false;
    while (waits()) {
      const delivery = await this.#host.publish(to, invite, lifetime);
      if (!waits() || delivery === "taken" || delivery === "failed") return;
      if (delivery === "refused") return this.#forbidden(to);
      // It may have lost its broker for a moment: said at once, and tried again.
      if (!told) this.#shell.fail("unreachable", `nobody called ${to} is connected to the broker`);
      told = true;
      await pause(REPEAT);
    }
  }

  /** Nothing that we send would ever arrive. @param {string} to */
  #forbidden(to) {
    const text = `the broker does not let this name call ${to}`;
    this.#shell.fail("not_authorized", text);
    this.#shell.step({ type: "closeRequested", reason: "cancelled" });
  }
}
