// @ts-check
/** Devices of one's own: what an operator has set, what is switched, and commands (PROTOCOL 6). */

import { CallError } from "./errors.js";
import { readObject } from "./protocol/json.js";
import { Deadlines } from "./timers.js";
import { textOf, uuid } from "./values.js";

/** Milliseconds for a device to answer; one that has to open its camera takes a while. */
const COMMAND_ANSWER = 15_000;
/** Devices that are watched at the same time. */
const MAX_WATCHED = 100;
/** Outputs of one device. */
const MAX_OUTPUTS = 64;
/** Bytes of a picture. */
const MAX_SNAPSHOT = 64 * 1024;

/**
 * @typedef {Record<string, any> & { ok: boolean, code?: string, message?: string, now?: string }}
 *   CommandResult
 *
 * @typedef {object} OwnDevice What its household reads of a device.
 * @property {Record<string, any>} [settings] `privacy`, `silencedUntil`, ...
 * @property {Map<string, Record<string, any>>} outputs by name: `state`, `since`, `by`, `contact`
 * @property {{ at: number, data: Uint8Array }} [snapshot] the last visitor, a JPEG, and when it came
 *   (milliseconds of `performance.now()`); not one that the broker has kept
 *
 * @typedef {object} OwnDeviceHost
 * @property {string} prefix
 * @property {(uid: string) => import("./clock.js").Clock} clockOf
 * @property {Pick<import("./link.js").Link, "subscribe" | "publish">} link
 */

/**
 * Made by `CallClient.household`. Whoever may not read a device's `settings` at the broker never
 * hears of it here, and may not command it either.
 */
export class Household {
  #host;
  #onChange;
  /** Where results are sent to. */
  #name = uuid();
  #deadlines = new Deadlines();
  /** @type {Map<string, OwnDevice>} */
  #devices = new Map();
  /** To which the broker let no command through. @type {Set<string>} */
  #refused = new Set();
  /** By the ids of commands. @type {Map<string, (answer: CommandResult | CallError) => void>} */
  #waiting = new Map();

  /** @param {OwnDeviceHost} host @param {(uid: string) => void} onChange */
  constructor(host, onChange) {
    this.#host = host;
    this.#onChange = onChange;
  }

  /** Reads what a device says to its household, from now on. @param {string} uid */
  watch(uid) {
    if (this.#devices.has(uid) || this.#devices.size >= MAX_WATCHED) return;
    this.#devices.set(uid, { outputs: new Map() });
    const own = `${this.#host.prefix}/${uid}`;
    this.#host.link.subscribe([`${own}/settings`, `${own}/output/+`, `${own}/snapshot`, this.#replyTopic(uid)]);
  }

  /**
   * What is known of a device; undefined where it is nobody's here, as far as is known.
   * @param {string} uid
   * @returns {OwnDevice | undefined}
   */
  of(uid) {
    const device = this.#devices.get(uid);
    return device?.settings && !this.#refused.has(uid) ? device : undefined;
  }

  /**
   * Has a device carry out a command, and resolves with its result. Rejects with a CallError: the
   * device's code, `not_authorized` (the broker's word) or `timeout`.
   * @param {string} uid
   * @param {string} verb
   * @param {Record<string, any>} [fields]
   * @returns {Promise<CommandResult>}
   */
  async command(uid, verb, fields = {}) {
    this.watch(uid);
    let result = await this.#askOnce(uid, verb, fields);
    if (result.code === "stale" && result.now) {
      this.#host.clockOf(uid).correct(Date.parse(result.now));
      result = await this.#askOnce(uid, verb, fields);
    }
    if (result.ok) return result;
    throw new CallError(result.code ?? "failed", result.message ?? "");
  }

  /**
   * @param {string} uid
   * @param {string} verb
   * @param {Record<string, any>} fields
   * @returns {Promise<CommandResult>}
   */
  #askOnce(uid, verb, fields) {
    const id = uuid();
    const message = { ...fields, id, issuedAt: this.#host.clockOf(uid).format() };
    const topic = `${this.#host.prefix}/${uid}/command/${verb}`;
    const properties = { responseTopic: this.#replyTopic(uid) };
    return new Promise((resolve, reject) => {
      const settle = (/** @type {CommandResult | CallError} */ answer) => {
        this.#waiting.delete(id);
        this.#deadlines.clear(id);
        if (answer instanceof CallError) reject(answer);
        else resolve(answer);
      };
      this.#waiting.set(id, settle);
      this.#deadlines.set(id, COMMAND_ANSWER, () =>
        settle(new CallError("timeout", `${uid} does not answer`)),
      );
      void this.#host.link.publish(topic, message, COMMAND_ANSWER / 1000, properties).then((delivery) => {
        if (delivery !== "refused" || !this.#waiting.has(id)) return;
        this.#refused.add(uid);
        settle(new CallError("not_authorized", "the broker does not let this side command it"));
        this.#onChange(uid);
      });
    });
  }

  /**
   * A message of a topic below a device.
   * @param {string} uid
   * @param {string} kind `settings`, `output`, `snapshot` or `reply`
   * @param {string | undefined} name
   * @param {Uint8Array} payload
   * @param {boolean} [retained]
   */
  take(uid, kind, name, payload, retained = false) {
    const device = this.#devices.get(uid);
    if (device && kind === "snapshot") {
      if (retained || !isJpeg(payload)) return;
      device.snapshot = { at: performance.now(), data: payload };
      return this.#onChange(uid);
    }
    const value = payload.byteLength > 0 ? objectIn(payload) : undefined;
    if (!device || (payload.byteLength > 0 && !value)) return;
    if (kind === "reply") return this.#answered(value ?? {});
    if (kind === "settings" && name === undefined) device.settings = value;
    else if (kind === "output" && name) takeOutput(device, name, value);
    this.#onChange(uid);
  }

  /** @param {Record<string, any>} value */
  #answered(value) {
    const settle = typeof value.id === "string" ? this.#waiting.get(value.id) : undefined;
    if (settle && typeof value.ok === "boolean") settle(/** @type {CommandResult} */ (value));
  }

  /** @param {string} uid */
  #replyTopic(uid) {
    return `${this.#host.prefix}/${uid}/reply/${this.#name}`;
  }
}

/** @param {OwnDevice} device @param {string} name @param {Record<string, any>} [value] */
function takeOutput(device, name, value) {
  if (!value) device.outputs.delete(name);
  else if (device.outputs.has(name) || device.outputs.size < MAX_OUTPUTS)
    device.outputs.set(name, value);
}

/** @param {Uint8Array} data */
const isJpeg = (data) =>
  data.byteLength <= MAX_SNAPSHOT && data[0] === 0xff && data[1] === 0xd8 && data[2] === 0xff;

/** @param {Uint8Array} payload */
function objectIn(payload) {
  try {
    return readObject(payload);
  } catch (fault) {
    // what a device says wrongly is as if it had not said it
    console.debug(textOf(fault));
    return undefined;
  }
}
