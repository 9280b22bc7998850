// @ts-check
/** The inviting side, after an acceptance: what others of those that were invited hear. */

import { refuseIf, STAY } from "./machine.js";
import { requestTalk } from "./upgrade.js";

/**
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./machine.js").Step} Step
 * @typedef {import("./outgoing.js").OutgoingCall} OutgoingCall
 */

/**
 * Somebody else was selected before.
 * @param {OutgoingCall} call
 * @param {Input} input
 * @returns {Step}
 */
function sendAwayLate(call, input) {
  refuseIf(input.status !== "ACCEPTED" || call.isRemote(input), "answered before");
  return [call.state, [call.sentAway(input.uid)]];
}

/** @param {OutgoingCall} call @param {Input} input @returns {Step} */
function sendAwayRinging(call, input) {
  refuseIf(call.isRemote(input), "answered before");
  return [call.state, [call.sentAway(input.uid)]];
}

/** @type {Record<string, import("./machine.js").Row>} */
export const LATE = {
  responseReceived: [sendAwayLate, STAY],
  ringingReceived: [sendAwayRinging, STAY],
  talkRequested: [requestTalk, STAY],
};
