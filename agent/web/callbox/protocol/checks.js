// @ts-check
/**
 * Checks of single fields of a message (PROTOCOL 2 and 8): what is wrong with a value, in words.
 */

import { isObject } from "../values.js";
import { UID } from "../vocabulary.js";
import { byteLength } from "./json.js";

const MAX_SDP = 48 * 1024; // characters
const MAX_USER_DATA = 4 * 1024; // bytes of JSON

/**
 * A check of a field: undefined where the value is good, else what it must be.
 * @typedef {(value: any) => string | undefined} Check
 */

/** @param {boolean} good @param {string} rule */
const must = (good, rule) => (good ? undefined : `must be ${rule}`);
/** @param {number} max @param {RegExp} [pattern] @returns {Check} */
const text = (max, pattern) => (value) =>
  must(
    typeof value === "string" &&
      value.length > 0 &&
      value.length <= max &&
      (!pattern || pattern.test(value)),
    pattern ? `a string that matches ${pattern.source}` : `a string of 1 to ${max} characters`,
  );
/** @param {number} max @returns {Check} */
export const textUpTo = (max) => (value) =>
  must(typeof value === "string" && value.length <= max, `a string of at most ${max} characters`);
/** @param {number} min @param {number} max @returns {Check} */
export const number = (min, max) => (value) =>
  must(typeof value === "number" && value >= min && value <= max, `a number from ${min} to ${max}`);
/** @param {number} min @param {number} max @returns {Check} */
const integer = (min, max) => (value) =>
  must(
    Number.isInteger(value) && value >= min && value <= max,
    `a whole number from ${min} to ${max}`,
  );
/** @param {readonly string[]} words @returns {Check} */
export const oneOf = (words) => (value) =>
  must(words.includes(value), `one of ${words.join(", ")}`);
/** @param {Check} check @returns {Check} */
export const optional = (check) => (value) =>
  value === undefined || value === null ? undefined : check(value);

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;
/** @type {Check} */
export const time = (value) =>
  must(
    typeof value === "string" &&
      RFC3339.test(value) &&
      !Number.isNaN(Date.parse(value)) &&
      isDay(value),
    "an RFC 3339 time",
  );
/**
 * Whether the month has that day: `Date.parse` takes 30 February for 2 March.
 * @param {string} moment
 */
const isDay = (moment) =>
  new Date(`${moment.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(moment.slice(8, 10));
/** @type {Check} */
export const userData = (value) =>
  must(
    byteLength(JSON.stringify(value)) <= MAX_USER_DATA,
    `at most ${MAX_USER_DATA} bytes of JSON`,
  );

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
export const conversationId = text(36, UUID);
export const partyId = text(64, /^[!-~]{1,64}$/);
export const code = text(64);
export const outputName = text(64);
export const uid = text(64, UID);
export const sdp = text(MAX_SDP);
export const token = text(8 * 1024);
/** @type {Check} */
export const truth = (value) => must(typeof value === "boolean", "true or false");
export const generation = integer(1, 1_000_000);
const serverUrl = text(510, /^(stun|stuns|turn|turns):[!-~]{1,500}$/);
const short = textUpTo(512);

/**
 * A check of what is inside of a value: the fault begins with the way to it.
 * @param {string | number} name
 * @param {string | undefined} fault
 */
export const inside = (name, fault) =>
  fault && `.${name}${fault.startsWith(".") ? "" : ": "}${fault}`;

/** @type {Check} */
function iceServer(value) {
  if (!isObject(value)) return "must be an object";
  const { urls, username, credential } = value;
  const each = Array.isArray(urls) ? urls : [urls];
  const fault =
    each.length < 1 || each.length > 8
      ? "must have 1 to 8 urls"
      : each.map(serverUrl).find(Boolean);
  return (
    inside("urls", fault) ??
    inside("username", optional(short)(username)) ??
    inside("credential", optional(short)(credential))
  );
}

/** @type {Check} */
export const iceServers = (value) =>
  Array.isArray(value) && value.length <= 10
    ? value.map((server, index) => inside(index, iceServer(server))).find(Boolean)
    : "must be an array of at most 10";

/** @type {Check} */
export function candidate(value) {
  if (value === undefined) return "is required";
  if (value === null) return undefined;
  if (!isObject(value)) return "must be an object or null";
  const { candidate: line, sdpMid, sdpMLineIndex } = value;
  // Browsers end a generation with an empty one.
  const isLine = typeof line === "string" && line.length <= 1024;
  const isMid = typeof sdpMid === "string" && sdpMid.length <= 64;
  return (
    inside("candidate", must(isLine, "a string of at most 1024 characters")) ??
    inside("sdpMid", optional(() => must(isMid, "a string of at most 64 characters"))(sdpMid)) ??
    inside("sdpMLineIndex", optional(integer(0, 63))(sdpMLineIndex))
  );
}
