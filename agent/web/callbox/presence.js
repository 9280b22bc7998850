// @ts-check
/** Which devices there are, as their retained `status` and `about` say (PROTOCOL 6). */

import { readObject } from "./protocol/json.js";
import { Deadlines } from "./timers.js";
import { isUid } from "./vocabulary.js";

const MAX_DEVICES = 1000;
/**
 * Milliseconds after a connect: a device that was not announced again by then is not there any
 * more.
 */
const CONFIRM = 2_000;

/**
 * @typedef {object} Device
 * @property {string} uid
 * @property {{ state: string, busy?: boolean, conversations?: number, since?: string, version?:
 *   string, privacy?: boolean }} [status]
 * @property {Record<string, any>} [about]
 */
export class Presence {
  /** @type {Map<string, Device>} */
  devices = new Map();
  /** @type {Map<string, Device> | null} */
  #snapshot = null;
  /** Devices whose status was not heard since the last connect. @type {Set<string>} */
  #unconfirmed = new Set();
  #deadlines = new Deadlines();
  #onChange;

  /**
   * @param {(device: Device) => void} onChange one with neither `status` nor `about` was removed
   */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** The devices as they are now, which is one copy until that changes. */
  get snapshot() {
    return (this.#snapshot ??= new Map(this.devices));
  }

  /** @param {string} uid @param {"status" | "about"} what @param {Uint8Array} payload */
  take(uid, what, payload) {
    if (!isUid(uid) || (!this.devices.has(uid) && this.devices.size >= MAX_DEVICES)) return;
    if (what === "status") this.#unconfirmed.delete(uid);
    const device = { ...(this.devices.get(uid) ?? { uid }) };
    const value = payload.byteLength > 0 ? presenceOf(what, payload) : undefined;
    if (payload.byteLength > 0 && !value) return;
    if (value) Object.assign(device, { [what]: value });
    else delete device[what];
    if (device.status || device.about) this.devices.set(uid, device);
    else this.devices.delete(uid);
    this.#snapshot = null;
    this.#onChange(device);
  }

  /**
   * The connection is new: a broker that was restarted may have forgotten a device that has gone.
   */
  confirm() {
    this.#unconfirmed = new Set(this.devices.keys());
    this.#deadlines.set("confirm", CONFIRM, () => {
      for (const uid of this.#unconfirmed) {
        this.devices.delete(uid);
        this.#snapshot = null;
        this.#onChange({ uid });
      }
    });
  }

  stop() {
    this.#deadlines.clearAll();
  }
}

/** @param {"status" | "about"} what @param {Uint8Array} payload */
function presenceOf(what, payload) {
  try {
    const value = readObject(payload);
    return what === "about" || value.state === "online" || value.state === "offline"
      ? value
      : undefined;
  } catch {
    // A device that publishes nonsense is shown as absent.
    return undefined;
  }
}
