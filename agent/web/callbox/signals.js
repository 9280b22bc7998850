// @ts-check
/** Between the messages of the protocol and the inputs and effects of the rules (PROTOCOL 2). */

import { hasSound, promisesMedia } from "./sdp.js";
import { present } from "./values.js";
import { CLOSE_REASONS } from "./vocabulary.js";

/**
 * @typedef {{ candidate: string, sdpMid?: string | null, sdpMLineIndex?: number | null }} Candidate
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {Record<string, any> & { type: string, conversation: string, party: string }} Signal
 * @typedef {import("./rules/machine.js").Input} Input
 * @typedef {import("./rules/machine.js").Effect} Effect
 */

/** A reason that the protocol knows, for any text. @param {string} reason */
export const knownReason = (reason) => (CLOSE_REASONS.includes(reason) ? reason : "unknown_reason");

/** @param {Signal} message */
function responseInput({ callStatus: status, reason, sdp, now }, /** @type {any} */ wanted) {
  // Times in a response mean one thing alone: our invitation came expired, by the clock over there.
  const isExpired = status === "TIMEOUT" && reason === "expired" && now;
  const sendsMedia = status === "ACCEPTED" && promisesMedia(sdp, wanted);
  return { status, reason, sdp, sendsMedia, now: isExpired ? Date.parse(now) / 1000 : undefined };
}

/**
 * How each type of message becomes an input, beside the sender's uid and party.
 * @type {Record<string, [string, (message: Signal, wanted: any) => object]>}
 */
const INPUTS = {
  ringing: ["ringingReceived", ({ expiresIn }) => ({ expiresIn })],
  response: ["responseReceived", responseInput],
  select: ["selectReceived", ({ selectedParty: selected }) => ({ selected })],
  // Browsers end a generation with an empty one.
  candidate: [
    "candidateReceived",
    ({ candidate: line }) => ({ candidate: line?.candidate ? line : null }),
  ],
  offer: [
    "offerReceived",
    ({ generation, sdp }) => ({ generation, sdp, sendsSound: hasSound(sdp, "sent") }),
  ],
  answer: [
    "answerReceived",
    ({ generation, sdp }) => ({ generation, sdp, takesSound: hasSound(sdp, "taken") }),
  ],
  close: ["closeReceived", ({ reason }) => ({ reason: knownReason(reason) })],
  talk: ["pushToTalkReceived", ({ on }) => ({ on })],
  error: ["errorReceived", ({ code, message }) => ({ code, message })],
};

/**
 * The input that a message is for its conversation; null for an `invite`, which makes one.
 * @param {string} uid the sender, as the topic says
 * @param {Signal} message
 * @param {import("./transport.js").Wanted} wanted the media that are received here
 * @returns {Input | null}
 */
export function inputOf(uid, message, wanted) {
  if (!Object.hasOwn(INPUTS, message.type)) return null;
  const [type, fields] = INPUTS[message.type];
  return { type, uid, party: message.party, ...fields(message, wanted) };
}

/**
 * By `now` a caller whose clock is wrong corrects itself (PROTOCOL 2).
 * @param {Effect} effect
 * @param {Clock} clock
 */
function responseOf({ status: callStatus, reason, sdp }, clock) {
  const now = callStatus === "TIMEOUT" && reason === "expired" ? clock.format() : undefined;
  return present({ type: "response", callStatus, reason, sdp, now });
}

/**
 * How each effect becomes a message.
 * @type {Record<string, (effect: Effect, clock: Clock) => { type: string }>}
 */
const MESSAGES_OF = {
  sendRinging: ({ expiresIn }) => ({ type: "ringing", expiresIn: Math.round(expiresIn * 10) / 10 }),
  sendResponse: responseOf,
  sendSelect: ({ selected }) => ({ type: "select", selectedParty: selected }),
  sendCandidate: ({ candidate }) => ({ type: "candidate", candidate }),
  sendOffer: ({ generation, sdp }) => ({ type: "offer", generation, sdp }),
  sendAnswer: ({ generation, sdp }) => ({ type: "answer", generation, sdp }),
  sendClose: ({ reason, by }) => present({ type: "close", reason: knownReason(reason), by }),
  sendTalk: ({ on }) => ({ type: "talk", on }),
  sendError: ({ code, message: text }) => ({ type: "error", code, message: text }),
};

/**
 * The message that an effect is.
 * @param {Effect} effect
 * @param {string} conversation
 * @param {string} party
 * @param {Clock} clock
 * @returns {Signal}
 */
export function messageOf(effect, conversation, party, clock) {
  return { ...MESSAGES_OF[effect.type](effect, clock), conversation, party };
}
