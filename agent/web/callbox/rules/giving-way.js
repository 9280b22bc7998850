// @ts-check
/** How a call of ours gives way to one that crosses it (PROTOCOL 3), and how its time runs out. */

import { refuseIf } from "./machine.js";

/**
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./machine.js").Effect} Effect
 * @typedef {import("./machine.js").Step} Step
 * @typedef {import("./outgoing.js").OutgoingCall} OutgoingCall
 */

/**
 * @param {OutgoingCall} call
 * @param {number} now
 * @param {"local" | "remote"} by
 * @returns {Step}
 */
export function giveWay(call, now, by) {
  return call.end(now, "answered_elsewhere", by, call.withdraw("answered_elsewhere"));
}

/**
 * Another call was accepted in the place of this one. The others hear it now; whoever may have
 * accepted this one when it is sure that the other one holds.
 * @param {OutgoingCall} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
export function yieldPlace(call, { rival, uid = null }, now) {
  call.rival.conversation = rival;
  if (uid === null || call.state === "offering") return giveWay(call, now, "local");
  if (call.rival.uid === null) {
    call.rival.uid = uid;
    call.rival.deadline = call.deadline;
  }
  call.deadline = Math.min(call.deadline ?? Infinity, now + call.timing.givingWay);
  const told = call.withdraw("answered_elsewhere", uid);
  for (const target of call.targets)
    if (target.uid !== uid && target.status === null)
      target.answer("REJECTED", "answered_elsewhere");
  return [call.state, told];
}

/** Nothing comes of the other one: this one goes on.
 * @param {OutgoingCall} call
 * @returns {Step}
 */
export function keepPlace(call) {
  refuseIf(call.rival.uid === null, "it does not give way");
  call.deadline = call.rival.deadline;
  call.forgetRival();
  return [call.state, []];
}

/** @param {OutgoingCall} call @param {Input} _input @param {number} now @returns {Step} */
export function expireInvitation(call, _input, now) {
  call.mustBeDue(now);
  if (call.rival.uid !== null) return giveWay(call, now, "local");
  const withdrawn = call.withdraw("invite_timeout");
  for (const target of call.targets) if (target.waiting) target.answer("TIMEOUT", "no_answer");
  const [state, effects] = call.goOn(now, "local");
  return [state, [...withdrawn, ...effects]];
}
