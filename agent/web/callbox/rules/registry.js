// @ts-check
/**
 * Which conversations there are, and what a message means for them: the rules that stand before a
 * call (PROTOCOL 2, 8).
 *
 * Pure, as the rules of a call are. It keeps a bounded memory of conversations that ended, so that
 * a repeated invitation gets its old answer, and of withdrawals that overtook their invitation, so
 * that it does not ring.
 */

import { PURPOSES } from "../vocabulary.js";

/**
 * @typedef {import("./machine.js").Effect} Effect
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./decision.js").Decision} Decision
 * @typedef {import("./decision.js").Invitation} Invitation
 * @typedef {import("./outgoing.js").OutgoingCall} OutgoingCall
 * @typedef {import("./crossings.js").AnyCall} AnyCall
 * @typedef {import("./viewing.js").Purpose} Purpose
 * @typedef {{ uid: string, at: number, answer: Effect | null, close: Effect | null }} Ended
 * @typedef {{ admission: "new" | "repeated" | "refused" | "ignored", effects: Effect[] }} Admission
 *   new: it starts a call; repeated: the same answer goes out again; refused: the response says why
 */

import { Crossings } from "./crossings.js";

/** Conversations that ended; likewise withdrawals that came before their invitation. */
const MEMORY = 512;
/** Calls that look at this side at the same time. */
const MAX_VIEWERS = 4;
/** Characters of the answers that are kept with them: an SDP is a few thousand. */
const MEMORY_SIZE = 1 << 20;
/** Longer than any invitation lives (120 s) and QoS 1 repeats it. */
const CLOSED_MEMORY_SECONDS = 300;

/** @typedef {import("./crossings.js").FollowUp} FollowUp */
/**
 * What becomes of an invitation that is new: what is decided about it, and the call of ours that it
 * crosses.
 * @typedef {object} Ruling
 * @property {Decision | null} decision
 * @property {OutgoingCall} [own]
 * @property {Input} [crossing]
 */

/** @type {Decision} */
const NO_LINE_FREE = Object.freeze({ action: "busy", reason: "busy" });
/** @type {Decision} */
const NO_PLACE_TO_VIEW = Object.freeze({ action: "busy", reason: "max_viewers" });

/** Whether somebody is asked about it, or is about to be. @param {AnyCall} call */
const rings = (call) => "rings" in call && call.rings;

/**
 * Whether it is for this that a call takes a place: a line, or one among those who look at this
 * side. Whom we look at ourselves takes none.
 * @param {Purpose} purpose
 * @param {AnyCall} call
 */
function takes(purpose, call) {
  return purpose === "talk" ? !call.looks : call.looks && call.direction === "incoming";
}

/** All conversations of one party, by their ids on the wire. */
export class CallRegistry {
  /** @type {Map<string, AnyCall>} */
  calls = new Map();
  /** Of those: refused before anybody was asked, they take no line. @type {Set<AnyCall>} */
  #turnedAway = new Set();
  /** @type {Map<string, Ended>} */
  #ended = new Map();
  /** Of all their answers. */
  #size = 0;
  /** By sender and conversation: when. @type {Map<string, number>} */
  #withdrawn = new Map();

  #crossings = new Crossings();

  /** @param {number} [maxConversations] @param {number} [maxViewers] */
  constructor(maxConversations = 1, maxViewers = MAX_VIEWERS) {
    this.maxConversations = maxConversations;
    this.maxViewers = maxViewers;
  }

  /**
   * Whether no further call can be taken. One that is lost leaves its line, one that rings has not
   * taken any, and one that only looks takes none; two that cross have one together (PROTOCOL 3).
   */
  get busy() {
    return this.isFull("talk");
  }

  /**
   * Whether there is no room for one more of these; whom we look at ourselves is not counted.
   * @param {Purpose} purpose
   */
  isFull(purpose) {
    const taken = [...this.calls.values()].filter(
      (call) =>
        takes(purpose, call) &&
        call.state !== "lost" &&
        !this.#turnedAway.has(call) &&
        !rings(call) &&
        !this.#crossings.has(call),
    );
    return taken.length >= this.#places(purpose);
  }

  /** @param {Purpose} purpose */
  #places(purpose) {
    return purpose === "view" ? this.maxViewers : this.maxConversations;
  }

  /** Whether somebody is asked about a call. */
  get ringing() {
    return [...this.calls.values()].some((call) => rings(call));
  }

  /** Whether somebody is asked about an invitation of `uid`. @param {string} uid */
  invitedBy(uid) {
    const calls = [...this.calls.values()];
    return calls.some((call) => "isOpen" in call && call.isOpen && call.remoteUid === uid);
  }

  /**
   * The call that ends with `replaced` now that another one was ACCEPTED: where no line was free,
   * the one that has been lost longest. One that lives again meanwhile has lost its line all the
   * same. A view is displaced by a view alone, and by one of another.
   * @param {AnyCall} accepted
   * @returns {AnyCall | null}
   */
  displacedBy(accepted) {
    const purpose = PURPOSES.find((each) => takes(each, accepted));
    if (!purpose) return null;
    const others = [...this.calls.values()].filter(
      (call) => call !== accepted && call.accepted && takes(purpose, call),
    );
    if (others.length < this.#places(purpose)) return null;
    const lost = others.filter(({ liveness }) => liveness.lostAt !== null);
    const since = (/** @type {AnyCall} */ { state, liveness }) => [
      Number(state !== "lost"),
      Number(liveness.lostAt),
    ];
    lost.sort((a, b) => since(a)[0] - since(b)[0] || since(a)[1] - since(b)[1]);
    return lost[0] ?? null;
  }

  /**
   * Only `new` may start a call, which is then to be added.
   * @param {Invitation} invitation
   * @param {number} now
   * @returns {Admission}
   */
  admit({ conversation, caller }, now) {
    this.#forget(now);
    if (this.#withdrawn.delete(withdrawal(conversation, caller)))
      return { admission: "ignored", effects: [] };
    return this.#known(conversation, caller) ?? { admission: "new", effects: [] };
  }

  /**
   * `decision`, or busy where it would let somebody in, or ask, and no line is free, or no place
   * for one more who looks. Who crosses a call of ours is not asked about: whom we invite is not
   * busy, and while we ring out over the last line, whoever is accepted at once takes the place of
   * that call.
   * @param {Pick<Invitation, "caller" | "conversation" | "purpose">} invitation
   * @param {Decision | null} decision
   * @returns {Ruling}
   */
  rule(invitation, decision) {
    const { purpose = "talk", caller } = invitation;
    const { action } = decision ?? { action: "ring" };
    if (action !== "accept" && action !== "ring") return { decision };
    const calls = purpose === "talk" ? [...this.calls.values()] : [];
    let own = this.#crossings.target(caller, calls);
    if (!own && this.isFull(purpose)) {
      if (action === "accept") [own] = this.#crossings.ringingOut(calls);
      if (!own) return { decision: purpose === "view" ? NO_PLACE_TO_VIEW : NO_LINE_FREE };
    }
    if (!own) return { decision };
    return { decision, own, crossing: this.#crossings.found(own, invitation, decision) };
  }

  /**
   * A call begins; an invitation may cross `own`. One that is turned away is refused at once and
   * takes no line.
   * @param {AnyCall} call
   * @param {OutgoingCall} [own]
   * @returns {FollowUp[]} what is to follow
   */
  add(call, own) {
    this.calls.set(call.signaledAs, call);
    if ("targets" in call) return this.#crossings.crossWaiting(call, this.calls.values());
    if (own) this.#crossings.add(call, own);
    if (call.turnedAway) this.#turnedAway.add(call);
    return [];
  }

  /** What follows instead of `input`, which waits; null where `call` is to take it.
   * @param {AnyCall} call
   * @param {Input} input
   */
  defer(call, input) {
    return this.#crossings.defer(call, input);
  }

  /** What a step of `call` means for those that it crosses. @param {AnyCall} call */
  follow(call) {
    return this.#crossings.follow(call);
  }

  /** `call` goes on under another id; whoever still answers under the old one is sent away.
   * @param {AnyCall} call
   * @param {string} before
   * @param {number} now
   */
  rename(call, before, now) {
    this.calls.delete(before);
    this.calls.set(call.signaledAs, call);
    this.#remember(before, {
      uid: call.remoteUid,
      at: now,
      answer: null,
      close: closeTo(call.remoteUid, "cancelled"),
    });
  }

  /**
   * Forgets a call that is closed, but for its answer.
   * @param {AnyCall} call
   * @param {number} now
   */
  remove(call, now) {
    this.calls.delete(call.signaledAs);
    this.#turnedAway.delete(call);
    const answer = "answer" in call && call.answer?.type === "sendResponse" ? call.answer : null;
    const tells = call.closed && call.direction === "outgoing";
    const close = tells ? closeTo(call.remoteUid, call.closed?.reason) : null;
    this.#remember(call.signaledAs, { uid: call.remoteUid, at: now, answer, close });
  }

  /**
   * A `close` for a conversation that is not known: its invitation, if it comes after all, shall
   * not ring.
   * @param {string} conversation
   * @param {string} sender
   * @param {number} now
   */
  unknownClose(conversation, sender, now) {
    this.#withdrawn.set(withdrawal(conversation, sender), now);
    if (this.#withdrawn.size > MEMORY) this.#withdrawn.delete(oldestOf(this.#withdrawn));
  }

  /** ACCEPTED or `ringing` after the end: that party is told, or it waits for what never comes.
   * @param {string} conversation
   * @param {Input} input
   * @returns {Effect[]}
   */
  unknownResponse(conversation, input) {
    const close = this.#ended.get(conversation)?.close;
    if (!close || (input.type === "responseReceived" && input.status !== "ACCEPTED")) return [];
    return [closeTo(input.uid, close.reason)];
  }

  /** What a conversation of the same id, under way or over, makes of an invitation.
   * @param {string} conversation
   * @param {string} caller
   * @returns {Admission | null}
   */
  #known(conversation, caller) {
    const call = this.calls.get(conversation);
    if (call) {
      if (!("repeat" in call) || call.remoteUid !== caller) return inUse();
      return { admission: "repeated", effects: call.repeat() };
    }
    const ended = this.#ended.get(conversation);
    if (!ended) {
      // A call of ours may have got another id on the wire: here it goes on under its first.
      const taken = [...this.calls.values()].some((each) => each.conversation === conversation);
      return taken ? inUse() : null;
    }
    if (ended.uid !== caller) return inUse();
    return { admission: "repeated", effects: ended.answer ? [ended.answer] : [] };
  }

  /** @param {string} conversation @param {Ended} ended */
  #remember(conversation, ended) {
    this.#drop(conversation);
    this.#ended.set(conversation, ended);
    this.#size += sizeOf(ended);
    while (this.#ended.size > MEMORY || this.#size > MEMORY_SIZE) this.#drop(oldestOf(this.#ended));
  }

  /** @param {string} conversation */
  #drop(conversation) {
    const ended = this.#ended.get(conversation);
    if (ended) this.#size -= sizeOf(ended);
    this.#ended.delete(conversation);
  }

  /** @param {number} now */
  #forget(now) {
    const old = now - CLOSED_MEMORY_SECONDS;
    for (const [conversation, { at }] of this.#ended) {
      if (at >= old) break;
      this.#drop(conversation);
    }
    for (const [key, at] of this.#withdrawn) {
      if (at >= old) break;
      this.#withdrawn.delete(key);
    }
  }
}

/** @param {string} conversation @param {string} sender */
const withdrawal = (conversation, sender) => `${sender}/${conversation}`;
/** @param {string} to @param {string} reason @returns {Effect} */
const closeTo = (to, reason) => ({ type: "sendClose", to, reason });
/** @param {Ended} ended */
const sizeOf = ({ answer }) => answer?.sdp?.length ?? 0;
/** @param {Map<string, any>} map */
const oldestOf = (map) => [...map.keys()][0];

/** @returns {Admission} */
const inUse = () => ({
  admission: "refused",
  effects: [{ type: "sendResponse", status: "REJECTED", reason: "conversation_in_use" }],
});
