// @ts-check
/**
 * A fresh transport for the same conversation (PROTOCOL 2, `offer` / `answer`): the rows for
 * silence, loss, and the transports that come after the first.
 *
 * - *Whatever works first.* A packet over the old transport, or the fresh one being connected,
 *   restores the call. Media moves only to a transport that is connected, and the old one goes only
 *   then.
 * - *Our network changed.* A fresh transport at once, silent or not; what was in the making has the
 *   old addresses, and is replaced. It counts as a word of the remote peer: the silence is ours.
 * - *Before there is an answer* no fresh transport can be offered. Where our network changes once
 *   the first one is in the making, a fresh one follows the acceptance at once.
 * - *While the first one connects* a fresh one may be offered beside it, from either side. The
 *   first to be connected establishes the call, and none of them puts its deadline off.
 * - On a collision of offers the inviter's wins.
 */

import { refuseIf } from "./machine.js";

/**
 * @typedef {import("./machine.js").Call} Call
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./machine.js").Effect} Effect
 * @typedef {import("./machine.js").Step} Step
 */

// -- rows: silence

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
export function goSilent(call, { generation, seconds }, now) {
  call.mustCarry(generation);
  fallSilent(call, now - seconds);
  return ["silent", [...degrade(call, "silence"), ...offerAnew(call, now)]];
}

/**
 * The old transport works again. A fresh one in the making goes on: the remote peer may be about to
 * move to it.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
export function hearAgain(call, { generation }, now) {
  call.mustCarry(generation);
  refuseIf(call.liveness.leftAt !== null, `transport ${generation} was closed by the remote peer`);
  const resumed = call.state === "lost" ? [{ type: "resumeMedia", generation }] : [];
  return ["established", [...resumed, ...restore(call, now)]];
}

/** `closed`: by the remote peer. `seconds`: how long ago, where that was noticed late.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
export function loseTransport(call, { generation, closed = false, seconds = 0 }, now) {
  call.mustCarry(generation);
  refuseIf(call.liveness.leftAt !== null, `transport ${generation} is gone`);
  fallSilent(call, now - seconds);
  const state = call.state === "lost" ? "lost" : "silent";
  if (closed) {
    call.liveness.leftAt = now - seconds;
    return [state, []];
  }
  return [state, [...degrade(call, "lost"), ...offerAnew(call, now)]];
}

/** @param {Call} call @param {number} since */
function fallSilent(call, since) {
  call.liveness.fallSilent(since);
  call.mediaUntil = null;
}

/** @param {Call} call @param {string} cause @returns {Effect[]} */
function degrade(call, cause) {
  if (call.liveness.degraded) return [];
  call.liveness.degraded = true;
  return [{ type: "degraded", cause }];
}

/** @param {Call} call @param {number} now @returns {Effect[]} */
function restore(call, now) {
  const told = call.liveness.restore();
  call.renewals.retryAt = null;
  if (call.expectsMedia) call.mediaUntil ??= now + call.timing.media;
  return told ? [{ type: "restored", generation: call.renewals.current }] : [];
}

// -- rows: a fresh transport

/** Refuses where we cannot offer one. @param {Call} call */
export function mustBeRenewable(call) {
  refuseIf(!mayRenew(call), `more than ${call.timing.maxRenewals} renewals`);
  // What it offers in its place is all there is: it goes on.
  refuseIf(call.liveness.leftAt !== null, "the remote peer has left its transport");
}

/** @param {Call} call @param {Input} _input @param {number} now @returns {Step} */
export function renewTransport(call, _input, now) {
  mustBeRenewable(call);
  call.liveness.wordAt = now;
  return [call.state, makeAnew(call, now)];
}

/**
 * Nobody has accepted yet: it is made up for when somebody has.
 * @param {Call} call
 * @returns {Step}
 */
export function noteMoved(call) {
  call.renewals.moved = true;
  return [call.state, []];
}

/**
 * To be done at the acceptance: a fresh transport, if our network has changed since the first was
 * begun.
 * @param {Call} call
 * @param {number} now
 * @returns {Effect[]}
 */
export function catchUp(call, now) {
  const { moved } = call.renewals;
  call.renewals.moved = false;
  return moved ? makeAnew(call, now) : [];
}

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
export function takeOffer(call, input, now) {
  call.mustBeRemote(input);
  const { generation, sdp, sendsSound = false } = input;
  call.mustBeNewer(generation);
  call.liveness.wordAt = now;
  /** @type {Effect[]} */
  let abandoned = [];
  const isView = call.viewing.purpose === "view" && call.direction === "incoming";
  if (!isView || !sendsSound) abandoned = call.abandonTalk();
  else if (call.looks) return [call.state, [{ type: "screenTalk", generation, sdp }]];
  // It was let in before, and offers once more.
  else call.viewing.generation = generation;
  return [call.state, [...abandoned, ...answerOffer(call, generation, sdp, now)]];
}

/** An acceptable offer of the remote peer, in the place of what was under way.
 * @param {Call} call
 * @param {number} generation
 * @param {string} sdp
 * @param {number} now
 * @returns {Effect[]}
 */
export function answerOffer(call, generation, sdp, now) {
  call.renewals.newestOfTheirs = generation;
  return [...call.renewals.drop(), beginRenewal(call, generation, now, sdp)];
}

/** @param {Call} call @param {Input} input @returns {Step} */
export function sendDescription(call, { generation, sdp }) {
  const { pending } = call.renewals;
  refuseIf(
    pending?.generation !== generation,
    `no description of generation ${generation} is awaited`,
  );
  return [
    call.state,
    [{ type: pending?.offeredByUs ? "sendOffer" : "sendAnswer", generation, sdp }],
  ];
}

/** @param {Call} call @param {Input} input @param {number} now @returns {Step} */
export function takeAnswer(call, input, now) {
  call.mustBeRemote(input);
  const { generation, sdp } = input;
  const { pending } = call.renewals;
  const awaited = pending?.offeredByUs && pending.generation === generation && !pending.answered;
  refuseIf(!awaited, `no answer of generation ${generation} is awaited`);
  if (pending) {
    pending.answered = true;
    // The remote peer takes part: it has its whole time, as one of theirs has.
    call.renewals.retryAt = pending.deadline;
  }
  call.liveness.wordAt = now;
  const told = input.takesSound ? [] : call.abandonTalk();
  return [call.state, [...told, { type: "applyAnswer", generation, sdp }]];
}

/** The fresh transport is connected: it takes the media over, the old one goes.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
export function moveOver(call, { generation }, now) {
  refuseIf(
    call.renewals.pending?.generation !== generation,
    `transport ${generation} is not awaited`,
  );
  call.reconnects += 1;
  const moving = call.renewals.takeOver(generation);
  return ["established", [...moving, ...restore(call, now), ...call.startTalk(now)]];
}

/** It leaves the old transport, and the next attempt comes at its time.
 * @param {Call} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
export function failRenewal(call, input, now) {
  const { code, message } = input;
  const { renewals, timing } = call;
  const { offeredByUs = false, pacedAt = now } = renewals.pending ?? {};
  const paced = offeredByUs ? Math.max(now, pacedAt) : now + timing.retry;
  if (renewals.retryAt !== null) renewals.retryAt = Math.min(renewals.retryAt, paced);
  const told = { type: "errorRaised", code, message };
  return [call.state, [told, ...complain(call, input), ...call.abandonTalk(), ...renewals.drop()]];
}

/**
 * What the remote peer hears of a description of its own that cannot be used: in a sentence, for a
 * code alone helps nobody to mend it.
 * @param {Call} call
 * @param {Input} failure
 * @returns {Effect[]}
 */
export function complain(call, { code, message, reason }) {
  return reason === "rejected" ? [{ type: "sendError", to: call.remoteUid, code, message }] : [];
}

// -- attempts

/** @param {Call} call */
const mayRenew = (call) => call.renewals.newest < call.timing.maxRenewals;

/**
 * An attempt, unless one is under way.
 * @param {Call} call
 * @param {number} now
 * @returns {Effect[]}
 */
const offerAnew = (call, now) => (call.renewals.pending ? [] : makeAnew(call, now));

/** An attempt in the place of the one that is under way; no more of them once there were too many.
 * @param {Call} call
 * @param {number} now
 * @returns {Effect[]}
 */
export function makeAnew(call, now) {
  const dropped = call.renewals.drop();
  if (mayRenew(call) && call.liveness.leftAt === null) {
    // An offer of theirs that is replaced was for the talk that they want.
    const abandoned = call.direction === "incoming" ? call.abandonTalk() : [];
    const generation = call.renewals.newest + 1;
    if (call.viewing.asks) call.viewing.generation = generation;
    return [...abandoned, ...dropped, beginRenewal(call, generation, now, null)];
  }
  call.renewals.retryAt = null;
  return [...call.abandonTalk(), ...dropped];
}

/**
 * @param {Call} call
 * @param {number} generation
 * @param {number} now
 * @param {string | null} offer
 * @returns {Effect}
 */
function beginRenewal(call, generation, now, offer) {
  const { timing, iceServers } = call;
  const grant = call.viewing.asks ? call.viewing.grant : call.grant;
  const ours = offer === null;
  call.renewals.begin(
    generation,
    ours,
    now + timing.renewal,
    now + (ours ? timing.retry : timing.renewal),
  );
  if (ours) return call.create({ type: "createOffer", generation, grant, iceServers });
  return call.create({ type: "createAnswer", generation, sdp: offer, grant, iceServers });
}

// -- rows: time

/**
 * The longest duration is over, the remote peer has hung up or is given up, the call is lost, or
 * the next attempt is due.
 * @param {Call} call
 * @param {Input} _input
 * @param {number} now
 * @returns {Step}
 */
export function expireUnheard(call, _input, now) {
  call.mustBeDue(now);
  const giveUp = call.giveUpAt();
  const sayAndEnd = (/** @type {string} */ reason, /** @type {"local" | "remote"} */ closedBy) =>
    call.end(now, reason, closedBy, [{ type: "sendClose", to: call.remoteUid, reason }]);
  if (call.deadline !== null && now >= call.deadline) return sayAndEnd("max_duration", "local");
  if (giveUp === null || now < giveUp) {
    const loseAt = call.liveness.loseAt(call.timing);
    if (call.state === "lost" || loseAt === null || now < loseAt)
      return [call.state, makeAnew(call, now)];
    call.liveness.lostAt = now;
    return ["lost", [{ type: "pauseMedia", generation: call.renewals.current }]];
  }
  return call.liveness.leftAt !== null
    ? sayAndEnd("user_hangup", "remote")
    : sayAndEnd("ice_timeout", "local");
}
