// @ts-check
/** The invited side: from the invitation to the answer. */

import { addCandidate, ANSWERED, endForRival } from "./answered.js";
import { END_OF_REFUSAL, requestOf, TOO_LATE } from "./decision.js";
import { Call, refuseIf, STAY } from "./machine.js";
import { catchUp, complain, noteMoved } from "./renewal.js";
import { allowTalk, denyTalk, lookAgain, takeView } from "./upgrade.js";

/**
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./machine.js").Effect} Effect
 * @typedef {import("./machine.js").Step} Step
 * @typedef {import("./machine.js").Table} Table
 * @typedef {import("./decision.js").Decision} Decision
 * @typedef {import("./decision.js").Invitation} Invitation
 */

/** A call to which the remote peer invited us. `start()` once, then `handle()`. */
export class IncomingCall extends Call {
  /**
   * What the invitation was answered with, to be said again if it comes again.
   * @type {Effect | null}
   */
  answer = null;
  /** @type {any[]} */
  early = [];
  /** @type {any[]} */
  found = [];

  /**
   * `decision` is carried out by `start()`. Without one the application will accept, reject or
   * ring.
   * @param {Invitation} invitation
   * @param {string} ownParty
   * @param {any} timing
   * @param {number} now
   * @param {Decision | null} [decision]
   * @param {Input | null} [crossing] it crosses a call of ours: that goes before the decision
   */
  constructor(invitation, ownParty, timing, now, decision = null, crossing = null) {
    super("incoming", INCOMING, "invited", {
      conversation: invitation.conversation,
      ownParty,
      timing,
      now,
      purpose: invitation.purpose,
    });
    const { lifetime } = invitation;
    const age = invitation.age ?? 0;
    this.invitation = invitation;
    this.decision = decision;
    this.remoteUid = invitation.caller;
    this.remoteParty = invitation.party;
    this.iceServers = invitation.iceServers ?? [];
    this.rival.crossing = crossing;
    /** Whether the inviter has said that it is this party of ours whose answer counts. */
    this.remoteSelects = false;
    this.answerUntil = now + Math.min(lifetime, lifetime + timing.clockSkew - age);
    this.deadline = this.answerUntil;
  }

  /** Whether the invitation had outlived `sentAt + lifetime` when it came (PROTOCOL 2). */
  get expired() {
    const { age, lifetime } = this.invitation;
    const { clockSkew } = this.timing;
    // One of a time to come would never expire, however long it waits in a queue.
    return age !== undefined && age !== null && !(age >= -clockSkew && age <= lifetime + clockSkew);
  }

  /** Whether somebody, or the application, is asked about it. */
  get isOpen() {
    return this.rings || (this.state === "invited" && this.decision === null);
  }

  /** Whether somebody is asked about it, or is about to be: until then it takes no line. */
  get rings() {
    const asks = this.rival.crossing === null && this.decision?.action === "ring";
    return this.state === "ringing" || (asks && this.state === "invited");
  }

  /** Whether it is refused before anybody is asked; then it takes no line. */
  get turnedAway() {
    const { action } = this.decision ?? {};
    return this.expired || action === "reject" || action === "busy";
  }

  /**
   * The first effects: `called`, then what the decision says. One that came too late is answered
   * TIMEOUT, whatever the decision.
   * @param {number} now
   * @returns {Effect[]}
   */
  start(now) {
    const called = { type: "called", userData: this.invitation.userData };
    const judged = this.rival.crossing ?? (this.decision && requestOf(this.decision));
    const request = this.expired ? TOO_LATE : judged;
    return request ? [called, ...this.handle(request, now).effects] : [called];
  }

  /**
   * The same invitation came again: the same answer goes out again, and nothing else happens.
   * @returns {Effect[]}
   */
  repeat() {
    return this.answer ? [this.answer] : [];
  }

  /**
   * @param {number} now
   * @param {string} status
   * @param {string} code
   * @param {string} reason
   * @param {Effect[]} before
   * @param {Effect[]} after
   * @returns {Step}
   */
  refuse(now, status, code, reason, before = [], after = []) {
    this.callStatus = status;
    this.marks.answered = now;
    this.answer = { type: "sendResponse", status, reason: code };
    return this.end(now, reason, "local", [
      ...before,
      this.answer,
      ...after,
      { type: "invitationAnswered", callStatus: status, reason: code, rule: this.rule },
    ]);
  }
}

// -- rows

/** @param {IncomingCall} call @param {Input} input @param {number} now @returns {Step} */
function ringLocally(call, { rule = null, grant = {} }, now) {
  call.rule = rule;
  call.grant = call.viewing.narrow(grant, "incoming");
  call.answer = { type: "sendRinging", expiresIn: Math.max(0, call.answerUntil - now) };
  return ["ringing", [call.answer]];
}

/** @param {IncomingCall} call @param {Input} input @param {number} now @returns {Step} */
function acceptCall(call, { grant, rule, expectsMedia = false }, now) {
  call.grant = call.viewing.narrow(grant ?? call.grant, "incoming");
  call.rule = rule ?? call.rule;
  call.expectsMedia = expectsMedia;
  call.deadline = now + call.timing.setup;
  const { sdp } = call.invitation;
  const create = call.create({
    type: "createAnswer",
    generation: 0,
    sdp,
    grant: call.grant,
    iceServers: call.iceServers,
  });
  const early = call.early
    .splice(0)
    .map((candidate) => ({ type: "addCandidate", generation: 0, candidate }));
  return ["answering", [create, ...early]];
}

/** @param {IncomingCall} call @param {Input} input @param {number} now @returns {Step} */
function crossCall(call, input, now) {
  call.rival = { ...call.rival, conversation: input.rival, crossing: input };
  if (!input.waits) return takePlace(call, now);
  call.rival.deadline = call.deadline;
  call.deadline = Math.min(call.deadline ?? Infinity, now + call.timing.crossing);
  return ["crossing", []];
}

/** @param {IncomingCall} call @param {number} now @returns {Step} */
function takePlace(call, now) {
  const { grant = {}, rule, expectsMedia } = call.rival.crossing ?? {};
  return acceptCall(call, { type: "acceptRequested", grant, rule, expectsMedia }, now);
}

// The one that goes first was not taken in time.
/** @param {IncomingCall} call @param {Input} _input @param {number} now @returns {Step} */
function takeUntaken(call, _input, now) {
  call.mustBeDue(now);
  return takePlace(call, now);
}

/** It is decided about as if it had crossed nothing.
 * @param {IncomingCall} call
 * @param {Input} _input
 * @param {number} now
 * @returns {Step}
 */
function resumeCall(call, _input, now) {
  call.deadline = call.rival.deadline;
  call.forgetRival();
  if (call.decision === null) return [call.answer ? "ringing" : "invited", []];
  const request = requestOf(call.decision);
  return (call.decision.action === "ring" ? ringLocally : acceptCall)(call, request, now);
}

/** It is being taken in place of a call of ours that was called off in the same moment.
 * @param {IncomingCall} call @param {Input} _input @param {number} now @returns {Step} */
function resumeTaken(call, _input, now) {
  return call.decision?.action === "accept" ? [call.state, []] : leaveUnanswered(call, {}, now);
}

/** @param {IncomingCall} call @param {Input} input @param {number} now @returns {Step} */
function rejectCall(call, { status = "REJECTED", reason = "rejected", rule }, now) {
  refuseIf(status === "ACCEPTED", "a rejection cannot say ACCEPTED");
  call.rule = rule ?? call.rule;
  return call.refuse(now, status, reason, END_OF_REFUSAL[status] ?? "rejected");
}

/** @param {IncomingCall} call @param {Input} input @param {number} now @returns {Step} */
function sendAnswer(call, { generation, sdp }, now) {
  call.mustBeLive(generation);
  call.startConnecting(now);
  call.answer = { type: "sendResponse", status: "ACCEPTED", sdp };
  const to = call.remoteUid;
  const found = call.found.splice(0);
  const trickled = found.map((candidate) => ({ type: "sendCandidate", to, candidate }));
  return [
    "connecting",
    [
      call.answer,
      { type: "invitationAnswered", callStatus: "ACCEPTED", rule: call.rule },
      ...trickled,
      { type: "startMedia", generation: 0 },
      ...catchUp(call, now),
    ],
  ];
}

/** @param {IncomingCall} call @param {Input} input @param {number} now @returns {Step} */
function failAnswer(call, input, now) {
  const { generation, code, message, reason = "ice_failed" } = input;
  call.mustBeLive(generation);
  const told = [{ type: "errorRaised", code, message }];
  return call.refuse(now, "REJECTED", code, reason, told, complain(call, input));
}

/** @param {IncomingCall} call @param {Input} input @returns {Step} */
function holdEarlyCandidate(call, input) {
  call.mustBeRemote(input);
  call.countCandidate(input);
  call.early.push(input.candidate);
  return [call.state, []];
}

/** Found before the answer is out: it follows it.
 * @param {IncomingCall} call @param {Input} input @returns {Step} */
function holdUntilAnswer(call, { generation, candidate }) {
  call.mustBeLive(generation);
  call.found.push(candidate);
  return [call.state, []];
}

/** @param {IncomingCall} call @param {Input} input @param {number} now @returns {Step} */
function endWithdrawn(call, input, now) {
  call.mustBeRemote(input);
  // Another client of our own uid has spoken for all of them.
  const isTold = input.reason === "answered_elsewhere" || input.reason === "rejected";
  return call.end(now, isTold ? input.reason : "cancelled", "remote", []);
}

/** Another client of our own uid answered first, or it is we who did.
 * @param {IncomingCall} call @param {Input} input @param {number} now @returns {Step} */
function noteSelection(call, input, now) {
  call.mustBeRemote(input);
  if (input.selected === call.ownParty) {
    call.remoteSelects = true;
    return [call.state, []];
  }
  // It is not our other call that takes its place.
  call.forgetRival();
  return call.end(now, "answered_elsewhere", "remote", []);
}

/** @param {IncomingCall} call @param {Input} _input @param {number} now @returns {Step} */
function expireRinging(call, _input, now) {
  call.mustBeDue(now);
  return call.refuse(now, "TIMEOUT", "no_answer", "invite_timeout");
}

/** @param {IncomingCall} call @param {Input} _input @param {number} now @returns {Step} */
function expireAnswer(call, _input, now) {
  call.mustBeDue(now);
  return call.refuse(now, "REJECTED", "setup_timeout", "out_of_resources");
}

/** Closed by us before an answer: the caller waits for a response, so that is what it gets.
 * @param {IncomingCall} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function leaveUnanswered(call, { reason = "user_hangup" }, now) {
  if (reason === "user_hangup") return call.refuse(now, "REJECTED", "rejected", "rejected");
  return call.refuse(now, "REJECTED", reason, reason);
}

/** @type {Record<string, import("./machine.js").Row>} */
const UNDECIDED = {
  acceptRequested: [acceptCall, "answering"],
  rejectRequested: [rejectCall, "closed"],
  candidateReceived: [holdEarlyCandidate, STAY],
  closeReceived: [endWithdrawn, "closed"],
  selectReceived: [noteSelection, STAY, "closed"],
  closeRequested: [leaveUnanswered, "closed"],
  deadlineReached: [expireRinging, "closed"],
};

/** @type {Record<string, import("./machine.js").Row>} */
const OF_THE_INVITED = {
  selectReceived: [noteSelection, STAY, "closed"],
  talkAllowed: [allowTalk, STAY],
  talkDenied: [denyTalk, STAY],
};

/** @type {Record<string, import("./machine.js").Row>} */
const CROSSED = { crossingFound: [crossCall, "crossing", "answering"] };
/** @type {Record<string, import("./machine.js").Row>} */
const GIVES_WAY = { yieldRequested: [endForRival, "closed"] };

/** @type {Table} */
export const INCOMING = {
  invited: { ...UNDECIDED, ...CROSSED, ringRequested: [ringLocally, "ringing"] },
  ringing: { ...UNDECIDED, ...CROSSED },
  crossing: {
    ...UNDECIDED,
    ...GIVES_WAY,
    resumeRequested: [resumeCall, "invited", "ringing", "answering"],
    deadlineReached: [takeUntaken, "answering"],
  },
  answering: {
    ...GIVES_WAY,
    resumeRequested: [resumeTaken, STAY, "closed"],
    rejectRequested: [rejectCall, "closed"],
    descriptionReady: [sendAnswer, "connecting"],
    peerFailed: [failAnswer, "closed"],
    candidateReceived: [addCandidate, STAY],
    candidateFound: [holdUntilAnswer, STAY],
    renewRequested: [noteMoved, STAY],
    closeReceived: [endWithdrawn, "closed"],
    selectReceived: [noteSelection, STAY, "closed"],
    closeRequested: [leaveUnanswered, "closed"],
    deadlineReached: [expireAnswer, "closed"],
  },
  connecting: { ...ANSWERED.connecting, ...OF_THE_INVITED },
  established: { ...ANSWERED.established, ...OF_THE_INVITED, viewRequested: [lookAgain, STAY], takeRequested: [takeView, STAY] },
  silent: { ...ANSWERED.silent, ...OF_THE_INVITED, viewRequested: [lookAgain, STAY] },
  lost: { ...ANSWERED.lost, ...OF_THE_INVITED, viewRequested: [lookAgain, STAY] },
  closed: {},
};
