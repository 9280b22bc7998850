// @ts-check
/** What a client is made with. */

import { partyId } from "./protocol/checks.js";
import { isUid } from "./vocabulary.js";

export const DEFAULT_PREFIX = "callbox/v1";

/**
 * @typedef {object} CallClientOptions
 * @property {string} broker `ws:`, `wss:`, `http:` or `https:` address, or a path beside the page
 * @property {string} uid this side's name
 * @property {string} [token] an MQTT password by its newer name
 * @property {string} [username] MQTT user name; `uid` where there is a password without one
 * @property {string} [password]
 * @property {string} [prefix] first levels of every topic
 * @property {string} [party] this client among several of the same uid; random by default
 * @property {RTCIceServer[]} [iceServers] none by default, never a third party's
 * @property {number} [maxConversations] 1 by default; more are answered BUSY
 * @property {number} [maxViewers] who may look at this side at once, if the application accepts it;
 *   0 by default
 * @property {boolean} [presence] whether to follow the devices' `status` and `about`; true by
 *   default
 * @property {number} [keepalive] seconds, 60 by default
 * @property {Record<string, any>} [mqttOptions] passed on to MQTT.js
 * @property {(url: string, options: any) => any} [connect] MQTT.js's `connect`; the global
 *   `mqtt.connect` by default
 */

/**
 * MQTT.js's `connect`. Throws TypeError for what cannot be used.
 * @param {CallClientOptions} options
 * @returns {(url: string, options: any) => any}
 */
export function checkOptions(options) {
  const { uid, party, prefix } = options;
  if (!isUid(uid)) {
    throw new TypeError(`uid: ${JSON.stringify(uid)} must match [A-Za-z0-9][A-Za-z0-9_.-]{0,63}`);
  }
  if (partyId(party)) throw new TypeError(`party: ${partyId(party)}`);
  if (!prefix || /[#+\0]|^\/|\/$|\/\//.test(prefix))
    throw new TypeError(`prefix: ${prefix} is not a topic`);
  const connect = options.connect ?? /** @type {any} */ (globalThis).mqtt?.connect;
  if (!connect) throw new TypeError("connect: MQTT.js is not loaded, and no `connect` was given");
  return connect;
}
