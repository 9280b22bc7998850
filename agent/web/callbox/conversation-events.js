// @ts-check
/** What a conversation tells: its events by name, and its states. */

/**
 * @typedef {"inviting" | "ringing" | "called" | "connecting" | "connected" | "closed"}
 *   ConversationState
 *   inviting: the invitation is out; ringing: a person is asked there; called: a person is asked
 * here.
 * @typedef {import("./record.js").CallRecord} CallRecord
 * @typedef {import("./record.js").CallStatus} CallStatus
 * @typedef {import("./statistics/reports.js").StatisticsReport} StatisticsReport
 *
 * @typedef {object} ConversationEvents
 * @property {[{ expiresIn: number }]} ringing a person is being asked over there
 * @property {[CallStatus, { reason?: string }]} response
 * @property {[MediaStream, { tracks: { kind: string, codec?: string }[] }]} stream_received
 * @property {[CallRecord]} closed exactly once; nothing follows
 * @property {[import("./errors.js").CallError]} error as a string it is a sentence
 * @property {[StatisticsReport]} local_stats what this side sends
 * @property {[StatisticsReport]} remote_stats what arrives, and what the remote peer reports of our
 *   stream
 * @property {[{ cause: string }]} degraded nothing arrives any more, a fresh transport is being
 *   made
 * @property {[{ generation: number }]} restored something arrives again
 * @property {[{ generation: number }]} renewed a fresh transport carries the media
 * @property {[]} talk what only looked is a talk
 * @property {[{ state: ConversationState }]} state
 */

/** What the application sees of a state of the rules. @type {Record<string, ConversationState>} */
export const SHOWN_STATES = Object.freeze({
  invited: "called",
  ringing: "called",
  crossing: "connecting",
  answering: "connecting",
  offering: "inviting",
  inviting: "inviting",
  connecting: "connecting",
  established: "connected",
  silent: "connected",
  lost: "connected",
  closed: "closed",
});

/** The names of a conversation's events. */
export const CONVERSATION_EVENTS = Object.freeze([
  "ringing",
  "response",
  "stream_received",
  "closed",
  "error",
  "local_stats",
  "remote_stats",
  "degraded",
  "restored",
  "renewed",
  "talk",
  "state",
]);
