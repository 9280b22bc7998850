// @ts-check
/**
 * JSON from strangers (PROTOCOL 1 and 8): bounded in size and depth, and the same for every reader.
 */

import { isObject, textOf } from "../values.js";
import { MalformedMessage } from "./malformed.js";

const MAX_PAYLOAD = 64 * 1024; // bytes
// Levels of objects and arrays, the outermost being the first.
const MAX_DEPTH = 16;

/** @param {string} value */
export const byteLength = (value) => new TextEncoder().encode(value).length;

/** @param {any} value @param {number} levels */
function isDeeper(value, levels) {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const each of Object.values(value)) if (isDeeper(each, levels - 1)) return true;
  return false;
}

const NAME_OR_BRACKET = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/gs;

/**
 * Whether a name stands twice in an object: two readers could take two different values from it.
 * @param {string} json
 */
function hasRepeatedName(json) {
  /** @type {Set<string>[]} */
  const scopes = [];
  for (const [token, colon] of json.matchAll(NAME_OR_BRACKET)) {
    if (token === "{" || token === "[") scopes.push(new Set());
    else if (token === "}" || token === "]") scopes.pop();
    else if (colon) {
      const name = JSON.parse(token.slice(0, -colon.length));
      if (scopes.at(-1)?.has(name)) return true;
      scopes.at(-1)?.add(name);
    }
  }
  return false;
}

/**
 * What JSON.parse lets pass and others do not: numbers too large, halves of surrogate pairs.
 * @param {string} _name
 * @param {any} value
 */
function refuseOddities(_name, value) {
  if (value === Infinity || value === -Infinity)
    throw new SyntaxError("a number that is too large");
  if (typeof value === "string" && /\p{Surrogate}/u.test(value))
    throw new SyntaxError("half of a surrogate pair in a string");
  return value;
}

/**
 * The JSON object in `payload`, bounded in size and depth. Throws MalformedMessage.
 * @param {Uint8Array | string} payload
 * @returns {Record<string, any>}
 */
export function readObject(payload) {
  const size = typeof payload === "string" ? byteLength(payload) : payload.byteLength;
  if (size > MAX_PAYLOAD)
    throw new MalformedMessage("too_large", `${size} bytes, at most ${MAX_PAYLOAD} are read`);
  let value;
  try {
    const json =
      typeof payload === "string"
        ? payload
        : new TextDecoder("utf-8", { fatal: true }).decode(payload);
    value = JSON.parse(json);
    if (isDeeper(value, MAX_DEPTH))
      throw new MalformedMessage("too_deep", `nested deeper than ${MAX_DEPTH} levels`);
    JSON.parse(json, refuseOddities);
    if (hasRepeatedName(json)) throw new SyntaxError("a name stands twice in an object");
  } catch (fault) {
    throw fault instanceof MalformedMessage
      ? fault
      : new MalformedMessage("not_json", textOf(fault));
  }
  if (!isObject(value))
    throw new MalformedMessage("not_an_object", "the payload must be a JSON object");
  return value;
}
