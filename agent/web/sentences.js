// @ts-check
/** Which sentence says how a call ended, or why a wish was refused. The texts are in i18n.js. */

/** @typedef {import("./conversation.js").CallRecord} CallRecord */

const REJECTIONS = new Set([
  "not_allowed",
  "rate_limited",
  "no_common_codec",
  "conversation_in_use",
  "signature",
  "unavailable",
  "setup_timeout",
  "privacy_mode",
  "low_power",
  "out_of_resources",
  "shutdown",
]);
/** Codes that say no more than REJECTED itself does. */
const PLAIN = new Set(["rejected", "user_hangup", "declined"]);

/**
 * Whether the call went as somebody wanted, so that nothing needs to be put right.
 * @param {CallRecord} record
 */
export const wentWell = ({ reason, closedBy }) =>
  ["user_hangup", "cancelled", "answered_elsewhere"].includes(reason) ||
  (reason === "rejected" && closedBy === "local");

/**
 * The key of the sentence, such as `end.rejected.not_allowed`.
 * @param {CallRecord} record
 * @param {string | null} [errorCode] the last `error` of the conversation
 * @returns {string}
 */
export function sentenceOf(record, errorCode = null) {
  const { reason, closedBy, direction, responseReason } = record;
  const failedHere =
    closedBy === "local" && ["offer_failed", "unusable_description"].includes(errorCode ?? "");
  if (failedHere) return "end.local_failure";
  if (errorCode === "not_authorized") return "end.not_authorized";
  switch (reason) {
    case "user_hangup":
    case "cancelled":
      return `end.${reason}.${closedBy}`;
    case "rejected":
      return rejection(closedBy, responseReason);
    case "user_busy":
      return responseReason === "max_viewers" ? "end.max_viewers" : "end.user_busy";
    case "invite_timeout":
      if (errorCode === "broker_unreachable") return "end.invite_timeout.broker";
      if (errorCode === "unreachable") return "end.invite_timeout.unreachable";
      if (responseReason === "expired") return "end.invite_timeout.expired";
      return `end.invite_timeout.${direction}`;
    case "answered_elsewhere":
      return record.takenBy ? "end.answered_elsewhere.by" : "end.answered_elsewhere";
    default:
      return `end.${reason}`;
  }
}

/** @param {string} closedBy @param {string | undefined} code */
function rejection(closedBy, code) {
  if (closedBy === "local") return "end.rejected.local";
  if (!code || PLAIN.has(code)) return "end.rejected.remote";
  return REJECTIONS.has(code) ? `end.rejected.${code}` : "end.rejected.other";
}

/** The sentence for why a view may not become a talk. @param {string} code */
export function talkRefusal(code) {
  const known = ["busy", "must_ring", "talk_failed"];
  return `talk.${known.includes(code) ? code : "not_allowed"}`;
}

const REFUSALS = new Set([
  "not_authorized",
  "not_allowed",
  "stale",
  "clock_unset",
  "no_such_output",
  "wrong_code",
  "locked",
  "timeout",
  "no_such_message",
  "not_supported",
]);

/** The sentence for why a device did not do what it was asked. @param {string} code */
export function operationRefusal(code) {
  return `operation.${REFUSALS.has(code) ? code : "failed"}`;
}
