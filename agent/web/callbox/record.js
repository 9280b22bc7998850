// @ts-check
/** The record of a call (PROTOCOL 5). */

import { defined } from "./values.js";

/**
 * @typedef {"ACCEPTED" | "REJECTED" | "BUSY" | "TIMEOUT"} CallStatus
 * @typedef {"incoming" | "outgoing"} Direction
 * @typedef {"local" | "remote"} Side
 *
 * @typedef {object} CallRecord Times are RFC 3339, `duration` is in seconds.
 * @property {string} conversation
 * @property {string} remoteUid
 * @property {Direction} direction
 * @property {string} reason why it ended (PROTOCOL 4)
 * @property {Side} closedBy
 * @property {CallStatus} [callStatus]
 * @property {string} [responseReason] the short code that came with REJECTED, BUSY or TIMEOUT
 * @property {"view"} [purpose] of one that only looked to its end
 * @property {string} invitedAt
 * @property {string} [answeredAt]
 * @property {string} [connectedAt]
 * @property {string} [talkAt] when it became a talk, after it had only looked
 * @property {string} endedAt
 * @property {number} duration
 * @property {{ response?: number, ice?: number, dtls?: number, firstFrame?: number }} setup
 *   milliseconds from the invitation
 * @property {{ local?: string, remote?: string, protocol?: string, relayed?: boolean }} [path]
 * @property {number} reconnects
 * @property {string} [answeredBy] the conversation that took its place, where it crossed another
 * @property {string} [takenBy] who answered in this side's place, where the inviter says so
 * @property {Record<string, any>} [video]
 * @property {Record<string, any>} [audio]
 * @property {{ mos: number, model: string, video?: Score, audio?: Score }} [quality] estimates, 1
 *   (bad) to 5: `mos` of the connection, as a voice would be heard over it, and of each kind
 *
 * @typedef {{ score: number, model: string }} Score
 */

/**
 * @param {import("./rules/machine.js").Call} call one that is closed
 * @param {object} about
 * @param {string} [about.responseReason]
 * @param {string} [about.takenBy]
 * @param {Record<string, string>} about.times of the call's marks, by the clock of the day
 * @param {import("./statistics/totals.js").Totals} about.totals
 * @returns {CallRecord}
 */
export function recordOf(call, { responseReason, takenBy, times, totals }) {
  const { invited, answered, ice, connected, firstFrame, ended } = call.marks;
  const since = (/** @type {number | undefined} */ mark) =>
    mark === undefined ? undefined : Math.round((mark - invited) * 1000);
  const duration = connected === undefined ? 0 : Math.round((ended - connected) * 1000) / 1000;
  const fields = {
    conversation: call.signaledAs,
    remoteUid: call.remoteUid,
    direction: call.direction,
    reason: call.closed?.reason,
    closedBy: call.closed?.closedBy,
    callStatus: call.callStatus,
    responseReason,
    purpose: call.viewing.purpose === "view" ? "view" : undefined,
    invitedAt: times.invited,
    answeredAt: times.answered,
    connectedAt: times.connected,
    talkAt: times.talk,
    endedAt: times.ended,
    duration,
    setup: defined({
      response: since(answered),
      ice: since(ice),
      dtls: since(connected),
      firstFrame: since(firstFrame),
    }),
    path: totals.path,
    reconnects: call.reconnects,
    answeredBy: call.answeredBy,
    takenBy: call.closed?.reason === "answered_elsewhere" ? takenBy : undefined,
    video: totals.of("video", duration),
    audio: totals.of("audio", duration),
    quality: totals.quality,
  };
  return /** @type {CallRecord} */ (defined(fields));
}
