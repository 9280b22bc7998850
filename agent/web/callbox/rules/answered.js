// @ts-check
/**
 * From the answer on, the same in both roles: connecting, the call itself, fresh transports for it,
 * and its end.
 */

import { refuseIf, STAY } from "./machine.js";
import {
  complain,
  expireUnheard,
  failRenewal,
  goSilent,
  hearAgain,
  loseTransport,
  makeAnew,
  moveOver,
  renewTransport,
  sendDescription,
  takeAnswer,
  takeOffer,
} from "./renewal.js";

/**
 * @typedef {import("./machine.js").Call} Call
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./machine.js").Effect} Effect
 * @typedef {import("./machine.js").Step} Step
 * @typedef {import("./machine.js").Table} Table
 */

/** The code of a transport for which no address to connect from was found. */
const NO_ADDRESS = "no_candidates";

// -- rows: from the answer on

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
export function addCandidate(call, input, now) {
  call.mustBeRemote(input);
  call.countCandidate(input);
  call.liveness.wordAt = now;
  return [
    call.state,
    [{ type: "addCandidate", generation: candidatesFor(call), candidate: input.candidate }],
  ];
}

/**
 * The newest transport; those of the first one may still come until the remote peer takes part in
 * another.
 * @param {Call} call
 */
function candidatesFor({ state, renewals }) {
  const { pending, current, shared } = renewals;
  return pending === null || (state === "connecting" && !shared) ? current : pending.generation;
}

/** @param {Call} call @param {Input} input @returns {Step} */
function trickle(call, { generation, candidate }) {
  call.mustBeLive(generation);
  return [call.state, [{ type: "sendCandidate", to: call.remoteUid, candidate }]];
}

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
function noteIce(call, { generation }, now) {
  call.mustBeLive(generation);
  call.marks.ice ??= now;
  return [call.state, []];
}

/** By the first transport, or by a fresh one that was quicker.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function establish(call, { generation }, now) {
  call.mustBeLive(generation);
  const moving = generation === call.renewals.current ? [] : call.renewals.takeOver(generation);
  call.marks.connected = now;
  call.deadline = call.longest(now);
  if (call.expectsMedia && call.tracks.length === 0) call.mediaUntil = now + call.timing.media;
  return ["established", [...moving, { type: "connected" }, ...call.startTalk(now)]];
}

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
function noteFirstFrame(call, { generation }, now) {
  call.mustBeLive(generation);
  call.marks.firstFrame ??= now;
  return [call.state, []];
}

/** @param {Call} call @param {Input} input @returns {Step} */
function receiveTrack(call, { generation, kind, codec }) {
  call.mustBeLive(generation);
  refuseIf(
    call.tracks.some(([known]) => known === kind),
    `${kind} was received before`,
  );
  call.tracks = [...call.tracks, [kind, codec]];
  call.expectsMedia = false;
  call.mediaUntil = null;
  return [call.state, [{ type: "streamReceived", tracks: call.tracks }]];
}

// -- rows: what fails

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
function failSetup(call, input, now) {
  const { generation, code, message, reason = "ice_failed" } = input;
  call.mustBeLive(generation);
  return call.end(now, reason, "local", [
    { type: "errorRaised", code, message },
    ...complain(call, input),
    { type: "sendClose", to: call.remoteUid, reason },
  ]);
}

/**
 * The first transport has failed: a fresh one that is in the making may connect yet; where there
 * was none, one is offered, once, within the same time. No fresh one mends a description that
 * cannot be used, or has an address where the first had none. Where both have failed the call is
 * over.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function failFirst(call, input, now) {
  const { renewals } = call;
  const { generation, code, message, reason = "ice_failed" } = input;
  const isFirst = generation === renewals.current;
  if (reason === "no_user_media" || !(isFirst || renewals.firstFailed))
    return failTransport(call, input, now);
  const told = { type: "errorRaised", code, message };
  if (isFirst && !renewals.firstFailed && renewals.pending) {
    renewals.firstFailed = true;
    return [call.state, [told]];
  }
  const isPath = reason === "ice_failed" && code !== NO_ADDRESS;
  if (isFirst && isPath && renewals.newest === 0 && call.timing.maxRenewals > 0) {
    renewals.firstFailed = true;
    return [call.state, [told, ...makeAnew(call, now)]];
  }
  return failSetup(call, input, now);
}

/**
 * A renewal that fails, for whatever reason, leaves the old transport; a failed media source ends
 * the call, unless it was for a talk.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function failTransport(call, input, now) {
  const renewing = call.renewals.pending?.generation === input.generation;
  const isFatal = input.reason === "no_user_media" && !call.viewing.asks;
  if (renewing && !isFatal) return failRenewal(call, input, now);
  return failSetup(call, input, now);
}

/** It has a connection, and nobody behind it. A peer that has said a word since then is there.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function endInactive(call, { generation, seconds }, now) {
  call.mustCarry(generation);
  const { wordAt } = call.liveness;
  refuseIf(wordAt !== null && wordAt > now - seconds, `${call.remoteUid} has spoken since`);
  return call.end(now, "media_timeout", "local", [
    { type: "sendClose", to: call.remoteUid, reason: "media_timeout" },
  ]);
}

// -- rows: the end

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
function hangUp(call, { reason = "user_hangup" }, now) {
  return call.end(now, reason, "local", [{ type: "sendClose", to: call.remoteUid, reason }]);
}

/** It ends, and `rival` takes its place.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
export function endForRival(call, { rival }, now) {
  call.rival.conversation = rival;
  const reason = "answered_elsewhere";
  return call.end(now, reason, "local", [{ type: "sendClose", to: call.remoteUid, reason }]);
}

/** Both of two calls that cross were accepted: the one with the lower id stays.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function yieldAccepted(call, input, now) {
  refuseIf(input.goesFirst === false, `${input.rival} has the higher id`);
  return endForRival(call, input, now);
}

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
function endByRemote(call, input, now) {
  call.mustBeRemote(input);
  return call.end(now, input.reason, "remote", []);
}

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
function passError(call, input, now) {
  call.mustBeRemote(input);
  call.countError();
  call.liveness.wordAt = now;
  const { code, message } = input;
  const told = { type: "errorRaised", code, message };
  // It does not say about what: an offer that waits for its answer is what it can be about.
  if (call.viewing.asks && !call.renewals.shared) {
    call.viewing.refuse(code, message);
    return [call.state, [told, ...call.renewals.drop()]];
  }
  return [call.state, [told]];
}

/** @param {Call} call @param {Input} _input @param {number} now @returns {Step} */
function expireSetup(call, _input, now) {
  call.mustBeDue(now);
  if (call.deadline !== null && now < call.deadline)
    return [call.state, [...call.abandonTalk(), ...call.renewals.drop()]];
  const reason = "ice_failed";
  return call.end(now, reason, "local", [
    ...call.renewals.explainAll(),
    { type: "sendClose", to: call.remoteUid, reason },
  ]);
}

/**
 * The longest duration is over, nothing arrives, or a renewal came to nothing while the old
 * transport works.
 * @param {Call} call
 * @param {Input} _input
 * @param {number} now
 * @returns {Step}
 */
function expireEstablished(call, _input, now) {
  call.mustBeDue(now);
  const isOver = (/** @type {number | null} */ deadline) => deadline !== null && now >= deadline;
  if (isOver(call.deadline)) return hangUp(call, { type: "", reason: "max_duration" }, now);
  if (isOver(call.mediaUntil)) return hangUp(call, { type: "", reason: "media_timeout" }, now);
  return [call.state, [...call.abandonTalk(), ...call.renewals.drop()]];
}

// -- rows: push-to-talk

/** @param {Call} call */
function mustTalk(call) {
  refuseIf(call.viewing.purpose === "view", "who only looks has nothing to say");
}

/** @param {Call} call @param {Input} input @returns {Step} */
function sendTalk(call, { on }) {
  mustTalk(call);
  return [call.state, [{ type: "sendTalk", to: call.remoteUid, on }]];
}

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
function takeTalk(call, input, now) {
  call.mustBeRemote(input);
  mustTalk(call);
  call.liveness.wordAt = now;
  return [call.state, [{ type: "pushToTalk", on: input.on }]];
}

/**
 * What each state after the answer takes alike.
 * @type {Record<string, import("./machine.js").Row>}
 */
const ALWAYS = {
  candidateReceived: [addCandidate, STAY],
  candidateFound: [trickle, STAY],
  iceConnected: [noteIce, STAY],
  firstFrameSeen: [noteFirstFrame, STAY],
  trackReceived: [receiveTrack, STAY],
  renewRequested: [renewTransport, STAY],
  offerReceived: [takeOffer, STAY],
  answerReceived: [takeAnswer, STAY],
  descriptionReady: [sendDescription, STAY],
  errorReceived: [passError, STAY],
  pushToTalkRequested: [sendTalk, STAY],
  pushToTalkReceived: [takeTalk, STAY],
  closeRequested: [hangUp, "closed"],
  yieldRequested: [yieldAccepted, "closed"],
  closeReceived: [endByRemote, "closed"],
};

/**
 * What each state takes alike while nothing arrives.
 * @type {Record<string, import("./machine.js").Row>}
 */
const UNHEARD = {
  ...ALWAYS,
  peerConnected: [moveOver, "established"],
  peerFailed: [failTransport, STAY, "closed"],
  peerHeard: [hearAgain, "established"],
  peerLost: [loseTransport, STAY],
};

/** @type {Table} */
export const ANSWERED = {
  connecting: {
    ...ALWAYS,
    peerConnected: [establish, "established"],
    peerFailed: [failFirst, STAY, "closed"],
    deadlineReached: [expireSetup, STAY, "closed"],
  },
  established: {
    ...ALWAYS,
    peerConnected: [moveOver, STAY],
    peerFailed: [failTransport, STAY, "closed"],
    peerSilent: [goSilent, "silent"],
    rtcpTimedOut: [endInactive, "closed"],
    peerLost: [loseTransport, "silent"],
    deadlineReached: [expireEstablished, STAY, "closed"],
  },
  silent: { ...UNHEARD, deadlineReached: [expireUnheard, STAY, "lost", "closed"] },
  lost: { ...UNHEARD, deadlineReached: [expireUnheard, STAY, "closed"] },
  closed: {},
};
