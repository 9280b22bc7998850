// @ts-check
/**
 * The rows by which a view becomes a talk (PROTOCOL 3): by a fresh transport whose offer sends
 * sound.
 *
 * Whoever looks asks for it (`talkRequested`), and offers. Whoever is looked at has the offer judged
 * as an invitation would be (`screenTalk`): it is answered, or refused by an `error` that changes
 * nothing. A person on the side that is looked at may as well have it talk (`takeRequested`): that needs
 * no fresh transport, and the sound of whoever looked follows with the next one.
 */

import { Refused, refuseIf } from "./machine.js";
import { answerOffer, makeAnew, mustBeRenewable } from "./renewal.js";

/**
 * @typedef {import("./machine.js").Call} Call
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./machine.js").Step} Step
 */

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
export function requestTalk(call, { grant }, now) {
  mustBeView(call);
  mustBeRenewable(call);
  const { sends: _, ...received } = call.grant;
  call.viewing.ask(call.renewals.newest + 1, grant ?? received);
  return [call.state, makeAnew(call, now)];
}

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
export function allowTalk(call, { generation, sdp, grant = {}, rule = null }, now) {
  mustBeView(call);
  call.mustBeNewer(generation);
  call.rule = rule ?? call.rule;
  call.viewing.ask(generation, grant);
  return [call.state, answerOffer(call, generation, sdp, now)];
}

/** @param {Call} call @param {Input} input @returns {Step} */
export function denyTalk(call, { generation, code, message }) {
  mustBeView(call);
  call.viewing.refuse(code, message);
  // The same offer may come twice, by MQTT and by the data channel.
  call.renewals.newestOfTheirs = Math.max(call.renewals.newestOfTheirs, generation);
  return [
    call.state,
    [
      { type: "sendError", to: call.remoteUid, code, message },
      { type: "errorRaised", code, message },
    ],
  ];
}

/**
 * A person on this side has whoever looks talk; it has been judged as an invitation already.
 * @param {Call} call @param {Input} input @param {number} now @returns {Step}
 */
export function takeView(call, { grant = {}, rule = null }, now) {
  mustBeView(call);
  call.rule = rule ?? call.rule;
  return [call.state, call.becomeTalk(grant, now)];
}

/**
 * Of those whose sound comes over the transport by which they look: none of them calls a page.
 * @returns {Step}
 */
export function lookAgain() {
  throw new Refused("it is no talk that was a view before, over the same transport");
}

/** @param {Call} call */
function mustBeView(call) {
  refuseIf(!call.looks, "it is no view that could become a talk");
}
