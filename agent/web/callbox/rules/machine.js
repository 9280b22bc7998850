// @ts-check
/**
 * A call as a table: which input is allowed in which state, where it leads, and what has to be
 * done.
 *
 * The same states, rows and rules as every other implementation has (`config/call-table.json`), and
 * pure as there: no DOM, no network, no clock. `handle(input, now)` looks its row up, performs it,
 * and returns the effects in the order in which the shell must carry them out. An input without a
 * row, or one that its row refuses, changes nothing. Times are seconds of any clock that never goes
 * back; deadlines are data, read with `nextDeadline()` and delivered as `deadlineReached`.
 *
 *     incoming   invited -> ringing -> crossing -> answering -+
 *                                                             +-> connecting -> established
 *     outgoing   offering -> inviting ------------------------+                   |      ^
 *                                                                                 v      |
 *                                                                               silent ---> lost
 *
 * `closed` can be reached from everywhere and never left, and only entering it emits `closed`.
 */

import { Liveness } from "./liveness.js";
import { Renewals } from "./renewals.js";
import { Viewing } from "./viewing.js";

/**
 * @typedef {"invited" | "ringing" | "crossing" | "answering" | "offering" | "inviting" | "connecting"
 *   | "established" | "silent" | "lost" | "closed"} State
 * @typedef {Record<string, any> & { type: string }} Input something that happened, or was requested
 * @typedef {Record<string, any> & { type: string }} Effect something to be performed
 * @typedef {[State, Effect[]]} Step
 * @typedef {(call: any, input: any, now: number) => Step} Action
 * @typedef {[Action, ...string[]]} Row the action, and the states that it may lead to
 * @typedef {Record<string, Record<string, Row>>} Table
 * @typedef {{ effects: Effect[], refused?: string }} Outcome
 */

/** In a row: it leads nowhere else. */
export const STAY = "stay";
/** Sound, picture and data: nobody has more. */
const SECTIONS = 3;

/** Seconds and counts that bound a call. */
export const CALL_TIMING = Object.freeze({
  // From the acceptance to a connected transport; also for making an offer or an answer.
  setup: 15,
  // From a fresh offer to its transport being connected.
  renewal: 15,
  // From a fresh offer of ours to the next one, while nothing arrives.
  retry: 5,
  // From the remote peer's closing the transport to its `close`, or to a fresh offer.
  goodbye: 2,
  // From the last packet to the call being lost: its line is free.
  lost: 8.5,
  // From the last packet to the end.
  hold: 45,
  // From an invitation that crosses ours to its being taken, while ours goes first.
  crossing: 1,
  // From its ACCEPTED to the end of ours, if its inviter neither selects us nor connects.
  givingWay: 2,
  // From the connection to the first sound or picture, where the answer promised any.
  media: 15,
  // How far the clocks of two parties may differ.
  clockSkew: 5,
  // Trickled by the remote peer, in one conversation and for one section.
  maxCandidates: 40,
  // `error` messages of the remote peer that are told, in one conversation.
  maxErrors: 5,
  // The highest generation in one conversation.
  maxRenewals: 100,
  // The remote peer says TIMEOUT itself; so much after the lifetime of the invitation we do.
  answerTravel: 0,
});

/** The row does not take this input. Thrown before anything was changed. */
export class Refused extends Error {}

/** @param {any} condition @param {string} why */
export function refuseIf(condition, why) {
  if (condition) throw new Refused(why);
}

/**
 * What every state needs: the step, the deadlines, the end. `IncomingCall` and `OutgoingCall` are
 * it.
 */
export class Call {
  /**
   * @param {"incoming" | "outgoing"} direction
   * @param {Table} table
   * @param {State} state
   * @param {{ conversation: string, ownParty: string, timing: typeof CALL_TIMING, now: number,
   *   purpose?: import("./viewing.js").Purpose }} about
   */
  constructor(direction, table, state, { conversation, ownParty, timing, now, purpose }) {
    this.direction = direction;
    this.table = table;
    /** @type {State} */
    this.state = state;
    this.conversation = conversation;
    /** Its id on the wire; another one once the clock had to be corrected. */
    this.signaledAs = conversation;
    this.ownParty = ownParty;
    this.timing = timing;
    this.remoteUid = "";
    /** @type {string | null} */
    this.remoteParty = null;
    /** `error` messages of the remote peer so far. */
    this.remoteErrors = 0;
    /** @type {Record<string, any>} `maxDuration` in seconds, and whatever the shell puts there */
    this.grant = {};
    /** That the inviter brought, for every transport of the call. @type {any[]} */
    this.iceServers = [];
    /** When each thing happened first. @type {Record<string, number>} */
    this.marks = { invited: now };
    /** The rule of the policy that let it in or refused it. @type {string | null} */
    this.rule = null;
    /** @type {string | undefined} */
    this.callStatus = undefined;
    /** @type {Effect | null} */
    this.closed = null;
    this.reconnects = 0;
    /** Kind and codec of each. @type {[string, string][]} */
    this.tracks = [];
    this.expectsMedia = false;
    /** @type {number | null} */
    this.deadline = null;
    /** @type {number | null} */
    this.mediaUntil = null;
    this.liveness = new Liveness();
    this.renewals = new Renewals();
    this.viewing = new Viewing(purpose);
    /**
     * What it knows of the call that it crosses: `conversation` takes its place if it gives way;
     * with `crossing` an invitation is taken; `uid` may have accepted ours in the same moment;
     * `deadline` is when it would end by itself if it did not wait.
     * @type {{ conversation: string | null, crossing: Input | null, uid: string | null,
     *   deadline: number | null }}
     */
    this.rival = { conversation: null, crossing: null, uid: null, deadline: null };
  }

  /**
   * Takes one input. Returns the effects, in order; or why it was refused.
   * @param {Input} input
   * @param {number} now
   * @returns {Outcome}
   */
  handle(input, now) {
    const row = this.table[this.state][input.type];
    if (!row) return { effects: [], refused: `${input.type} means nothing in state ${this.state}` };
    const [action, ...leads] = row;
    try {
      const [state, effects] = action(this, input, now);
      const listed =
        state === this.state
          ? leads.includes(STAY) || leads.includes(state)
          : leads.includes(state);
      if (!listed)
        throw new Error(
          `${this.state} + ${input.type} led to ${state}, which its row does not list`,
        );
      this.state = state;
      return { effects };
    } catch (why) {
      if (!(why instanceof Refused)) throw why;
      return { effects: [], refused: why.message };
    }
  }

  /**
   * When to handle `deadlineReached`, in the clock of `now`; null: never.
   * @returns {number | null}
   */
  nextDeadline() {
    const times = [this.deadline, this.mediaUntil, this.renewals.pending?.deadline ?? null];
    if (this.state === "silent" || this.state === "lost")
      times.push(this.giveUpAt(), this.renewals.retryAt);
    if (this.state === "silent") times.push(this.liveness.loseAt(this.timing));
    const set = times.filter((time) => time !== null);
    return set.length > 0 ? Math.min(...set) : null;
  }

  /** Whether it is a view, and takes no line. */
  get looks() {
    return this.viewing.looks;
  }

  /** Whether it was ACCEPTED and is not over. */
  get accepted() {
    return ["connecting", "established", "silent", "lost"].includes(this.state);
  }

  /** The conversation that has taken the place of this one, which is closed. */
  get answeredBy() {
    const gaveWay = this.closed?.reason === "answered_elsewhere";
    return (gaveWay ? this.rival.conversation : null) ?? undefined;
  }

  forgetRival() {
    this.rival = { conversation: null, crossing: null, uid: null, deadline: null };
  }

  /** When a call ends over which nothing arrives; null while something does. */
  giveUpAt() {
    return this.liveness.giveUpAt(this.timing, this.renewals.shared);
  }

  /**
   * Close: last words first, then every transport, then `closed`.
   * @param {number} now
   * @param {string} reason
   * @param {"local" | "remote"} closedBy
   * @param {Effect[]} tell
   * @returns {Step}
   */
  end(now, reason, closedBy, tell) {
    const closing = this.renewals.closeAll();
    this.deadline = this.mediaUntil = null;
    this.liveness.silentSince = null;
    this.marks.ended = now;
    this.closed = { type: "closed", reason, closedBy };
    return ["closed", [...tell, ...closing, this.closed]];
  }

  /**
   * To be done once a fresh transport carries the media: a view whose it is talks now.
   * @param {number} now
   * @returns {Effect[]}
   */
  startTalk(now) {
    if (this.viewing.generation !== this.renewals.current) return [];
    return this.becomeTalk(this.viewing.grant, now);
  }

  /**
   * It only looked, and talks from now on.
   * @param {Grant} grant
   * @param {number} now
   * @returns {Effect[]}
   */
  becomeTalk(grant, now) {
    this.viewing.becomeTalk();
    this.grant = grant;
    this.marks.talk = now;
    this.deadline = this.longest(now);
    return [{ type: "talkStarted", rule: this.rule }];
  }

  /**
   * The transport that would have made a talk of it is no more: it stays a view.
   * @returns {Effect[]}
   */
  abandonTalk() {
    if (!this.viewing.asks) return [];
    const code = "talk_failed";
    const message = "the transport for the talk came to nothing";
    this.viewing.refuse(code, message);
    return [{ type: "errorRaised", code, message }];
  }

  /** When it ends because of its longest duration. @param {number} now */
  longest(now) {
    return this.grant.maxDuration === undefined ? null : now + this.grant.maxDuration;
  }

  /** @param {number} now */
  startConnecting(now) {
    this.marks.answered = now;
    this.callStatus = "ACCEPTED";
    this.deadline = now + this.timing.setup;
  }

  /** A transport is to be made. @param {Effect} effect @returns {Effect} */
  create(effect) {
    this.renewals.live.add(effect.generation);
    return effect;
  }

  // What a row may refuse

  /** What another uid, or another client of the same uid, says. @param {Input} input */
  mustBeRemote({ uid, party }) {
    const isRemote =
      uid === this.remoteUid && (this.remoteParty === null || party === this.remoteParty);
    refuseIf(!isRemote, `${uid}/${party} is not the remote peer of this conversation`);
  }

  /** An end of candidates is none; there are as many. @param {Input} input */
  countCandidate({ candidate }) {
    const { maxCandidates } = this.timing;
    const isEnd = candidate === null || candidate.candidate === "";
    const section = isEnd ? "" : `of ${candidate.sdpMid ?? candidate.sdpMLineIndex}`;
    const { candidates } = this.renewals;
    const count = candidates.get(section) ?? 0;
    const all = [...candidates.values()].reduce((sum, each) => sum + each, 0);
    const tooMany = count >= maxCandidates || (!isEnd && all >= SECTIONS * maxCandidates);
    refuseIf(tooMany, `more than ${maxCandidates} candidates`);
    candidates.set(section, count + 1);
  }

  forgetCandidates() {
    this.renewals.candidates.clear();
  }

  countError() {
    const { maxErrors } = this.timing;
    refuseIf(this.remoteErrors >= maxErrors, `more than ${maxErrors} errors of the remote peer`);
    this.remoteErrors += 1;
  }

  /** @param {number} generation */
  mustBeLive(generation) {
    refuseIf(!this.renewals.live.has(generation), `transport ${generation} is closed`);
  }

  /** Of an offer: newer than every one of theirs, and not overtaken. @param {number} generation */
  mustBeNewer(generation) {
    const { current, newestOfTheirs, pending } = this.renewals;
    const known = Math.max(current, newestOfTheirs);
    refuseIf(generation <= known, `generation ${generation} is not newer than ${known}`);
    const collides = pending !== null && generation <= pending.generation;
    refuseIf(
      collides && (!pending.offeredByUs || this.direction === "outgoing"),
      `generation ${pending?.generation} is under way`,
    );
    const { maxRenewals } = this.timing;
    refuseIf(generation > maxRenewals, `more than ${maxRenewals} renewals`);
  }

  /** @param {number} generation */
  mustCarry(generation) {
    refuseIf(
      generation !== this.renewals.current,
      `transport ${generation} does not carry the media`,
    );
  }

  /** @param {number} now */
  mustBeDue(now) {
    const deadline = this.nextDeadline();
    refuseIf(deadline === null || now < deadline, "no deadline has passed");
  }
}
