// @ts-check
/** The words of a call (PROTOCOL 2 to 4), and what a uid looks like. */

export const CALL_STATUSES = Object.freeze(["ACCEPTED", "REJECTED", "BUSY", "TIMEOUT"]);
/**
 * What an invitation is for: a view only looks.
 * @type {readonly ("talk" | "view")[]}
 */
export const PURPOSES = Object.freeze(["talk", "view"]);
export const CLOSE_REASONS = Object.freeze([
  "user_hangup",
  "user_busy",
  "rejected",
  "cancelled",
  "invite_timeout",
  "answered_elsewhere",
  "replaced",
  "ice_failed",
  "ice_timeout",
  "media_timeout",
  "no_user_media",
  "out_of_resources",
  "low_power",
  "privacy_mode",
  "max_duration",
  "shutdown",
  "crash_recovered",
  "unknown_reason",
]);

export const UID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** @param {unknown} text @returns {text is string} */
export function isUid(text) {
  return typeof text === "string" && UID.test(text);
}
