// @ts-check
/** Small things about values. */

/**
 * A random UUID, version 4. `crypto.randomUUID` exists only in secure pages; a LAN address is none.
 */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @param {unknown} value @returns {value is Record<string, any>} */
export const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * `fields` without those that are undefined.
 * @template {Record<string, any>} T
 * @param {T} fields
 * @returns {T}
 */
export const present = (fields) =>
  /** @type {T} */ (
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  );

/** @param {unknown} fault */
export const textOf = (fault) => (fault instanceof Error ? fault.message : String(fault));

/**
 * `fields` without what is not known.
 * @param {Record<string, any>} fields
 * @returns {Record<string, any>}
 */
export function defined(fields) {
  const isDefined = (/** @type {any} */ value) =>
    value !== undefined &&
    value !== null &&
    !(typeof value === "number" && !Number.isFinite(value));
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isDefined(value)));
}
