// @ts-check
/** What a client is made with. */

import { number, oneOf, optional, partyId, userData } from "./protocol/checks.js";
import { defined } from "./values.js";
import { isUid, PURPOSES } from "./vocabulary.js";

export const DEFAULT_PREFIX = "callbox/v1";

/**
 * @typedef {object} CallClientOptions
 * @property {string} broker `ws:`, `wss:`, `http:` or `https:` address, or a path beside the page
 * @property {string} uid this side's name
 * @property {string | (() => string | Promise<string>)} [token] an MQTT password by its newer name;
 *   a function is asked before every attempt to connect, for one that expires
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
 * What MQTT.js logs in with: a user name, and a password or a function that is asked for one.
 * @param {CallClientOptions} options
 */
export function loginOf({ uid, token, username, password = undefined }) {
  const given = password ?? token;
  const asked = typeof given === "function" ? given : undefined;
  const login = defined({
    username: username ?? (given === undefined ? undefined : uid),
    password: asked ? undefined : given,
  });
  return { login, asked };
}

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

/**
 * What goes into an invitation. Throws TypeError for what cannot be sent.
 * @param {string} uid this side's
 * @param {string} remoteUid
 * @param {import("./conversation.js").CallOptions} options
 */
export function checkCall(uid, remoteUid, options) {
  if (!isUid(remoteUid)) throw new TypeError(`remoteUid: ${JSON.stringify(remoteUid)} is no uid`);
  if (remoteUid === uid) throw new TypeError("remoteUid: one cannot call oneself");
  const { lifetime = 30, userData: data = options.data, purpose = "talk" } = options;
  const fault = optional(userData)(data) ?? number(1, 120)(lifetime) ?? oneOf(PURPOSES)(purpose);
  if (fault) throw new TypeError(`options: ${fault}`);
  return { lifetime, userData: data, purpose };
}
