// @ts-check
/** What a client tells: its events by name. */

/**
 * @typedef {object} ClientEvents
 * @property {[import("./conversation.js").Conversation]} called
 * @property {[{ state: import("./link.js").ConnectionState, code?: string, message?: string }]}
 *   connection
 * @property {[import("./presence.js").Device]} presence a device's `status` or `about` changed;
 *   with neither it was removed
 * @property {[string]} household what `household.of(uid)` says has changed
 * @property {[import("./errors.js").CallError]} error
 */

/** The names of a client's events. */
export const CLIENT_EVENTS = Object.freeze([
  "called",
  "connection",
  "presence",
  "household",
  "error",
]);
