// @ts-check
/** What becomes of an invitation: asked for once, and handed on as one value. */

/**
 * @typedef {import("./machine.js").Input} Input
 *
 * @typedef {object} Invitation An invitation that was understood.
 * @property {string} conversation
 * @property {string} caller the uid in the topic, never one in the payload
 * @property {string} party
 * @property {string} sdp
 * @property {number} lifetime seconds
 * @property {number | null} [age] seconds since `sentAt`; null where it cannot be judged
 * @property {any} [userData]
 * @property {any[]} [iceServers]
 * @property {import("./viewing.js").Purpose} [purpose]
 *
 * @typedef {object} Decision What becomes of an invitation.
 * @property {"accept" | "reject" | "ring" | "busy"} action
 * @property {string | null} [rule] the rule that decided
 * @property {string | null} [reason] for reject and busy
 * @property {Record<string, any>} [grant] for the others
 */

/** @type {Input} */
export const TOO_LATE = { type: "rejectRequested", status: "TIMEOUT", reason: "expired" };

/** How a conversation ends that was refused. @type {Record<string, string>} */
export const END_OF_REFUSAL = { BUSY: "user_busy", TIMEOUT: "invite_timeout" };

/** The input by which a decision enters its call. @param {Decision} decision @returns {Input} */
export function requestOf({ action, rule = null, reason, grant = {} }) {
  if (action === "accept") return { type: "acceptRequested", grant, rule };
  if (action === "ring") return { type: "ringRequested", grant, rule };
  const [status, code] = action === "busy" ? ["BUSY", "busy"] : ["REJECTED", "rejected"];
  return { type: "rejectRequested", status, reason: reason ?? code, rule };
}
