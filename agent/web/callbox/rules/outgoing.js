// @ts-check
/**
 * The inviting side: one conversation and one offer for all targets, at once or in turn; the first
 * ACCEPTED wins.
 */

import { ANSWERED } from "./answered.js";
import { expireInvitation, giveWay, keepPlace, yieldPlace } from "./giving-way.js";
import { agreedClock, inviteAgain } from "./invite-again.js";
import { LATE } from "./late.js";
import { Call, refuseIf, STAY } from "./machine.js";
import { present } from "../values.js";
import { catchUp, noteMoved } from "./renewal.js";
import { speaksForUid, Target } from "./target.js";

/**
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./machine.js").Effect} Effect
 * @typedef {import("./machine.js").Step} Step
 * @typedef {import("./machine.js").Table} Table
 *
 * @typedef {object} CallPlan
 * @property {string[]} targets uids
 * @property {"parallel" | "sequential"} [mode]
 * @property {number} [lifetime] seconds
 * @property {any} [userData]
 * @property {Record<string, any>} [grant]
 * @property {import("./viewing.js").Purpose} [purpose]
 * @property {string | null} [secondId] its name on the wire if it has to go out once more
 */

/**
 * How a conversation ends that was not accepted, in the order in which one answer outweighs
 * another.
 */
const END_OF_STATUS = Object.freeze({
  TIMEOUT: "invite_timeout",
  BUSY: "user_busy",
  REJECTED: "rejected",
});

/** A call to which we invite. `start()` once, then `handle()`. */
export class OutgoingCall extends Call {
  sdp = "";
  /** @type {any[]} */
  found = [];
  /** @type {Input[]} */
  early = [];

  /**
   * @param {string} conversation
   * @param {string} ownParty
   * @param {CallPlan} plan
   * @param {any} timing
   * @param {number} now
   */
  constructor(conversation, ownParty, plan, timing, now) {
    const { purpose } = plan;
    super("outgoing", OUTGOING, "offering", { conversation, ownParty, timing, now, purpose });
    this.targets = [...new Set(plan.targets)].map((uid) => new Target(uid));
    if (this.targets.length === 0) throw new TypeError("a call needs at least one target");
    this.plan = { mode: "parallel", lifetime: 30, ...plan };
    this.secondId = plan.secondId ?? null;
    this.remoteUid = this.targets[0].uid;
    this.grant = this.viewing.narrow(plan.grant ?? {}, "outgoing");
    this.deadline = now + timing.setup;
  }

  /** @returns {Effect[]} */
  start(_now = 0) {
    return [this.create({ type: "createOffer", generation: 0, grant: this.grant, iceServers: [] })];
  }

  /** Who is invited to begin with. @returns {Target[]} */
  get firstTargets() {
    return this.plan.mode === "parallel" ? this.targets : this.targets.slice(0, 1);
  }

  /** @param {string} uid @returns {Target} */
  target(uid) {
    const target = this.targets.find((each) => each.uid === uid && each.invited);
    refuseIf(!target, `${uid} was not invited`);
    return /** @type {Target} */ (target);
  }

  /** @param {Target[]} targets @param {number} now @returns {Effect[]} */
  invite(targets, now) {
    const { lifetime, userData } = this.plan;
    // A talk is not named.
    const purpose = this.viewing.purpose === "view" ? this.viewing.purpose : undefined;
    for (const target of targets) target.invited = true;
    this.deadline = now + lifetime + this.timing.answerTravel;
    return targets.flatMap(({ uid: to }) => [
      { type: "sendInvite", to, sdp: this.sdp, lifetime, userData, purpose },
      ...this.found.map((candidate) => ({ type: "sendCandidate", to, candidate })),
    ]);
  }

  /**
   * Nobody is left ringing.
   * @param {string} reason
   * @param {string} [but] a uid
   * @param {string} [by] who has answered
   * @returns {Effect[]}
   */
  withdraw(reason, but, by) {
    const others = this.targets.filter(({ waiting, uid }) => waiting && uid !== but && uid !== by);
    return others.map(({ uid: to }) => present({ type: "sendClose", to, reason, by }));
  }

  /** A target is out: wait for the others, invite the next one, or give up.
   * @param {number} now
   * @param {"local" | "remote"} by
   * @returns {Step}
   */
  goOn(now, by) {
    if (this.targets.some(({ waiting }) => waiting)) return ["inviting", []];
    const next = this.targets.find(({ invited }) => !invited);
    if (next) return ["inviting", this.invite([next], now)];
    const clock = agreedClock(this.targets);
    if (clock !== null && this.secondId !== null) return inviteAgain(this, clock + now, now);
    const statuses = /** @type {(keyof typeof END_OF_STATUS)[]} */ (Object.keys(END_OF_STATUS));
    const answers = statuses.map((status) =>
      this.targets.find((target) => target.status === status),
    );
    const { status, reason } = /** @type {Target} */ (answers.find((target) => target));
    const callStatus = /** @type {keyof typeof END_OF_STATUS} */ (status);
    // Else it is our own patience that ended.
    this.callStatus = callStatus;
    if (by === "remote") this.marks.answered = now;
    return this.end(now, END_OF_STATUS[callStatus], by, [
      { type: "invitationAnswered", callStatus, reason },
    ]);
  }

  /**
   * The selected uid's other clients hear `select` again: they must not take a `close` for their
   * own.
   * @param {string} uid
   * @returns {Effect}
   */
  sentAway(uid) {
    const { status, reason } = this.target(uid);
    if (status !== "ACCEPTED") {
      if (speaksForUid(status, reason)) return { type: "sendClose", to: uid, reason: "rejected" };
      const by = this.accepted ? this.remoteUid : undefined;
      return present({ type: "sendClose", to: uid, reason: "answered_elsewhere", by });
    }
    return { type: "sendSelect", to: uid, selected: this.remoteParty ?? "" };
  }

  /** @param {Input} input */
  isRemote({ uid, party }) {
    return uid === this.remoteUid && party === this.remoteParty;
  }
}

// -- rows: the offer

/** @param {OutgoingCall} call @param {Input} input @param {number} now @returns {Step} */
function sendInvitations(call, { generation, sdp }, now) {
  call.mustBeLive(generation);
  call.sdp = sdp;
  return [
    "inviting",
    call.invite(call.firstTargets, now),
  ];
}

/** @param {OutgoingCall} call @param {Input} input @param {number} now @returns {Step} */
function failOffer(call, { generation, code, message, reason = "ice_failed" }, now) {
  call.mustBeLive(generation);
  return call.end(now, reason, "local", [
    { type: "errorRaised", code, message },
    ...call.withdraw(reason),
  ]);
}

/** @param {OutgoingCall} call @param {Input} input @returns {Step} */
function trickleToTargets(call, { generation, candidate }) {
  call.mustBeLive(generation);
  call.found.push(candidate);
  const waiting = call.targets.filter((target) => target.waiting);
  return [call.state, waiting.map(({ uid: to }) => ({ type: "sendCandidate", to, candidate }))];
}

/** @param {OutgoingCall} call @param {Input} input @returns {Step} */
function holdForAnswer(call, input) {
  call.target(input.uid);
  call.countCandidate(input);
  call.early.push(input);
  return [call.state, []];
}

/** @param {OutgoingCall} call @param {Input} _input @param {number} now @returns {Step} */
function expireOffer(call, _input, now) {
  call.mustBeDue(now);
  return call.end(now, "out_of_resources", "local", []);
}

// -- rows: the answers

/** @param {OutgoingCall} call @param {Input} input @returns {Step} */
function noteRinging(call, { uid, party, expiresIn }) {
  // Another client of that uid has answered for it.
  const target = call.target(uid);
  if (target.status !== null) return [call.state, [call.sentAway(uid)]];
  refuseIf(target.ringing.has(party), `${uid}/${party} rang before`);
  refuseIf(target.ringing.size >= 8, `too many parties ring at ${uid}`);
  target.ringing.add(party);
  return [call.state, [{ type: "remoteRinging", uid, expiresIn }]];
}

/** @param {OutgoingCall} call @param {Input} input @param {number} now @returns {Step} */
function takeResponse(call, input, now) {
  const target = call.target(input.uid);
  refuseIf(target.status !== null, `${input.uid} has answered`);
  if (input.status === "ACCEPTED") return takeAcceptance(call, target, input, now);
  if (call.rival.uid !== null) return giveWay(call, now, "remote");
  const remoteNow = input.now ?? null;
  // Else one alone would have the others invited by a time of its own.
  if (remoteNow !== null && call.secondId !== null && call.targets.length === 1)
    return inviteAgain(call, remoteNow, now);
  target.ringing.delete(input.party);
  const isForAll = speaksForUid(input.status, input.reason);
  // One client of this uid is out, another still asks its person.
  if (target.ringing.size > 0 && !isForAll) return ["inviting", []];
  target.answer(input.status, input.reason);
  target.clock = remoteNow === null ? null : remoteNow - now;
  const [state, effects] = call.goOn(now, "remote");
  // Its other clients may ask without having said so.
  const others = isForAll ? [{ type: "sendClose", to: input.uid, reason: "rejected" }] : [];
  return [state, [...others, ...effects]];
}

/**
 * @param {OutgoingCall} call
 * @param {Target} target
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function takeAcceptance(call, target, { uid, party, sdp, sendsMedia = false }, now) {
  refuseIf(!sdp, "ACCEPTED without an answer");
  target.answer("ACCEPTED");
  call.remoteUid = uid;
  call.remoteParty = party;
  call.expectsMedia = sendsMedia;
  call.startConnecting(now);
  const early = call.early.filter((held) => held.uid === uid && held.party === party);
  // What the others sent does not count against the one who answered.
  call.early = [];
  call.forgetCandidates();
  for (const held of early) call.countCandidate(held);
  return [
    "connecting",
    [
      { type: "sendSelect", to: uid, selected: party },
      ...call.withdraw("answered_elsewhere", undefined, uid),
      { type: "applyAnswer", generation: 0, sdp },
      ...early.map(({ candidate }) => ({ type: "addCandidate", generation: 0, candidate })),
      { type: "invitationAnswered", callStatus: "ACCEPTED" },
      { type: "startMedia", generation: 0 },
      ...catchUp(call, now),
    ],
  ];
}

/** Our invitation could not be used there. Or another message: then nobody shall ring on.
 * @param {OutgoingCall} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function takeError(call, { uid, code, message }, now) {
  const target = call.target(uid);
  refuseIf(target.status !== null, `${uid} has answered`);
  if (call.rival.uid !== null) return giveWay(call, now, "remote");
  target.answer("REJECTED", code);
  const [state, effects] = call.goOn(now, "remote");
  const told = { type: "errorRaised", code, message };
  return [state, [told, { type: "sendClose", to: uid, reason: "cancelled" }, ...effects]];
}

/** A `close` instead of a response: that target is out.
 * @param {OutgoingCall} call
 * @param {Input} input
 * @param {number} now
 * @returns {Step}
 */
function takeDecline(call, { uid, reason }, now) {
  const target = call.target(uid);
  refuseIf(target.status !== null, `${uid} has answered`);
  if (call.rival.uid !== null) return giveWay(call, now, "remote");
  target.answer("REJECTED", reason);
  return call.goOn(now, "remote");
}

// -- rows: our own patience

/** @param {OutgoingCall} call @param {Input} input @param {number} now @returns {Step} */
function cancelInvitation(call, { reason = "user_hangup" }, now) {
  const told = reason === "user_hangup" ? "cancelled" : reason;
  return call.end(now, told, "local", call.withdraw(told));
}

/** @type {Table} */
export const OUTGOING = {
  offering: {
    descriptionReady: [sendInvitations, "inviting"],
    peerFailed: [failOffer, "closed"],
    candidateFound: [trickleToTargets, STAY],
    renewRequested: [noteMoved, STAY],
    yieldRequested: [yieldPlace, "closed"],
    closeRequested: [cancelInvitation, "closed"],
    deadlineReached: [expireOffer, "closed"],
  },
  inviting: {
    candidateFound: [trickleToTargets, STAY],
    renewRequested: [noteMoved, STAY],
    candidateReceived: [holdForAnswer, STAY],
    ringingReceived: [noteRinging, STAY],
    responseReceived: [takeResponse, STAY, "connecting", "closed"],
    errorReceived: [takeError, STAY, "closed"],
    peerFailed: [failOffer, "closed"],
    closeReceived: [takeDecline, STAY, "closed"],
    yieldRequested: [yieldPlace, STAY, "closed"],
    resumeRequested: [keepPlace, STAY],
    closeRequested: [cancelInvitation, "closed"],
    deadlineReached: [expireInvitation, STAY, "closed"],
  },
  connecting: { ...ANSWERED.connecting, ...LATE },
  established: { ...ANSWERED.established, ...LATE },
  silent: { ...ANSWERED.silent, ...LATE },
  lost: { ...ANSWERED.lost, ...LATE },
  closed: {},
};
