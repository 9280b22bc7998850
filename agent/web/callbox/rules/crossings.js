// @ts-check
/**
 * Calls that cross: whoever invites us is invited by us (PROTOCOL 3).
 *
 * Of two conversations that invite each other the one with the lower id goes first: its invitee
 * takes it at once, and the other one is taken if that has not come about in a second. An
 * invitation that may take the place of a call of ours is its rival here, from the moment in which
 * both are known until one of them is closed. Every step of either is told to `follow`, which says
 * what it means for the other; the calls themselves have the deadlines.
 */

/**
 * @typedef {import("./machine.js").Input} Input
 * @typedef {import("./incoming.js").Decision} Decision
 * @typedef {import("./incoming.js").IncomingCall} IncomingCall
 * @typedef {import("./incoming.js").Invitation} Invitation
 * @typedef {import("./outgoing.js").OutgoingCall} OutgoingCall
 * @typedef {IncomingCall | OutgoingCall} AnyCall
 * @typedef {[AnyCall, Input]} FollowUp an input that a call is to be given next
 */

/** @type {Input} */
const BUSY = { type: "rejectRequested", status: "BUSY", reason: "busy", rule: null };

/** By what ids are compared: in lower case, and as they stand where that is the same.
 * @param {string} id
 * @param {string} other
 */
function isLower(id, other) {
  const [one, two] = [id.toLowerCase(), other.toLowerCase()];
  return one === two ? id < other : one < two;
}

/** @param {AnyCall} call */
const isUnanswered = ({ state }) => state === "offering" || state === "inviting";
/** Whether it is taking the place of ours. @param {IncomingCall} rival */
const takesPlace = (rival) => rival.state === "answering" || rival.accepted;

/** Whether `own` has the lower id, and `caller` is invited and may take it yet.
 * @param {OutgoingCall} own
 * @param {string} caller
 * @param {string} conversation
 */
function goesFirst(own, caller, conversation) {
  const target = own.targets.find(({ uid }) => uid === caller);
  if (!target || !isLower(own.signaledAs, conversation)) return false;
  const isNext = own.plan.mode === "parallel" || target === own.targets[0];
  return target.waiting || (own.state === "offering" && isNext);
}

/** @param {IncomingCall} rival @returns {FollowUp} */
function take(rival) {
  const { grant, rule, expectsMedia } = rival.rival.crossing ?? {};
  return [rival, { type: "acceptRequested", grant, rule, expectsMedia }];
}

/**
 * @param {OutgoingCall} own
 * @param {IncomingCall} rival
 * @param {string | null} [uid]
 * @returns {FollowUp}
 */
function yieldTo(own, rival, uid = null) {
  const first = isLower(rival.conversation, own.signaledAs);
  const { conversation } = rival;
  return [own, { type: "yieldRequested", rival: conversation, uid, goesFirst: first }];
}

/** One of the two was accepted: the other one gives way; if both were, the higher id does.
 * @param {OutgoingCall} own
 * @param {IncomingCall} rival
 * @returns {FollowUp[]}
 */
function settle(own, rival) {
  const theirsFirst = isLower(rival.conversation, own.signaledAs);
  if (own.accepted) {
    if (rival.accepted && theirsFirst) return [yieldTo(own, rival)];
    const { conversation } = own;
    return [
      [rival, { type: "yieldRequested", rival: conversation, uid: null, goesFirst: !theirsFirst }],
    ];
  }
  if (!isUnanswered(own)) return [];
  const holds = rival.remoteSelects || rival.state !== "connecting";
  const waits = goesFirst(own, rival.remoteUid, rival.conversation) && !holds;
  return [yieldTo(own, rival, waits ? rival.remoteUid : null)];
}

/**
 * We have hung up: the rivals are judged by themselves, also one that has yet to begin, and who was
 * let in for the sake of our call alone goes with it.
 * @param {IncomingCall[]} rivals
 * @returns {FollowUp[]}
 */
function followCancelled(rivals) {
  return rivals.flatMap((rival) => {
    if (!rival.accepted) return [/** @type {FollowUp} */ ([rival, { type: "resumeRequested" }])];
    if (rival.decision?.action === "accept") return [];
    return [/** @type {FollowUp} */ ([rival, { type: "closeRequested", reason: "user_hangup" }])];
  });
}

/** Ours is over: one of the rivals is there in its place.
 * @param {IncomingCall[]} rivals
 * @returns {FollowUp[]}
 */
function followLeft(rivals) {
  const waiting = rivals.filter(({ state }) => state === "crossing");
  const next = rivals.some(takesPlace) ? [] : waiting.splice(0, 1);
  return [...next.map(take), ...waiting.map((rival) => /** @type {FollowUp} */ ([rival, BUSY]))];
}

/** Of the calls of one party. */
export class Crossings {
  /** Each rival, with the call of ours whose place it may take. @type {Map<IncomingCall, OutgoingCall>} */
  #own = new Map();
  /** Refusals that wait for what becomes of the rival. @type {Map<OutgoingCall, Input>} */
  #refusals = new Map();

  /** Whether it competes with a call of ours. @param {AnyCall} call */
  has(call) {
    return this.#own.has(/** @type {IncomingCall} */ (call));
  }

  /** The call of ours that invites `caller`, and whose place nobody else is taking.
   * @param {string} caller
   * @param {Iterable<AnyCall>} calls
   * @returns {OutgoingCall | undefined}
   */
  target(caller, calls) {
    return this.ringingOut(calls).find(({ targets }) => targets.some(({ uid }) => uid === caller));
  }

  /** The calls of ours whose place may be taken.
   * @param {Iterable<AnyCall>} calls
   * @returns {OutgoingCall[]}
   */
  ringingOut(calls) {
    const taken = [...this.#own].filter(([rival]) => takesPlace(rival)).map(([, own]) => own);
    return /** @type {OutgoingCall[]} */ (
      [...calls].filter(
        (call) =>
          "targets" in call &&
          isUnanswered(call) &&
          !call.looks &&
          !taken.includes(/** @type {OutgoingCall} */ (call)),
      )
    );
  }

  /** With what an invitation takes the place of `own`.
   * @param {OutgoingCall} own
   * @param {Pick<Invitation, "caller" | "conversation">} invitation
   * @param {Decision | null} decision
   * @returns {Input}
   */
  found(own, { caller, conversation }, decision) {
    const { grant = {}, rule = null } = decision ?? { grant: own.grant };
    const waits = goesFirst(own, caller, conversation);
    return { type: "crossingFound", rival: own.conversation, waits, grant, rule };
  }

  /** They cross. @param {IncomingCall} rival @param {OutgoingCall} own */
  add(rival, own) {
    this.#own.set(rival, own);
  }

  /** What `own`, which begins, is to whom it invites, and who is asked about here.
   * @param {OutgoingCall} own
   * @param {Iterable<AnyCall>} calls
   * @returns {FollowUp[]}
   */
  crossWaiting(own, calls) {
    /** @type {FollowUp[]} */
    const followUps = [];
    for (const call of calls) {
      if (!("invitation" in call) || !call.isOpen || this.#own.has(call)) continue;
      if (call.looks || own.looks) continue;
      if (!own.targets.some(({ uid }) => uid === call.remoteUid)) continue;
      const found = this.found(own, call.invitation, call.decision);
      if (call.decision === null && call.state === "ringing") found.rule = call.rule;
      this.add(call, own);
      followUps.push([call, found]);
    }
    return followUps;
  }

  /**
   * Whoever is invited by a call of ours refuses it, while it invites us itself: then the rival is
   * taken now, and the refusal waits for what becomes of it. Null: it does not wait.
   * @param {AnyCall} call
   * @param {Input} input
   * @returns {FollowUp[] | null}
   */
  defer(call, input) {
    if (!("targets" in call) || input.type !== "responseReceived" || !isUnanswered(call))
      return null;
    const refuses = input.status !== "ACCEPTED" && (input.now ?? null) === null;
    const rivals = this.#rivals(call).filter(({ remoteUid }) => remoteUid === input.uid);
    if (!refuses || rivals.length === 0) return null;
    this.#refusals.set(call, input);
    return rivals
      .filter(({ state }) => state === "crossing")
      .slice(0, 1)
      .map(take);
  }

  /** What the state that `call` is in now means for those that it crosses.
   * @param {AnyCall} call
   * @returns {FollowUp[]}
   */
  follow(call) {
    if ("targets" in call) return this.#followOwn(call);
    const own = this.#own.get(call);
    if (!own) return [];
    if (call.state === "closed") {
      this.#own.delete(call);
      return this.#followClosed(call, own);
    }
    if (call.state === "crossing" && this.#refusals.has(own)) return [take(call)];
    if (call.state === "answering") {
      // One of them at a time: the others hear that the line is taken.
      const others = this.#rivals(own).filter((each) => each !== call);
      return (others.some(takesPlace) ? [call] : others).map((each) => [each, BUSY]);
    }
    return call.accepted ? settle(own, call) : [];
  }

  /** @param {OutgoingCall} own */
  #rivals(own) {
    return [...this.#own].filter(([, each]) => each === own).map(([rival]) => rival);
  }

  /** @param {IncomingCall} rival @param {OutgoingCall} own @returns {FollowUp[]} */
  #followClosed(rival, own) {
    if (own.state === "closed") return [];
    /** @type {FollowUp[]} */
    const followUps = [];
    if (rival.callStatus === "ACCEPTED") {
      // Its inviter has taken ours instead; or it has been had, and is over.
      const isElsewhere = rival.closed?.reason === "answered_elsewhere";
      followUps.push(isElsewhere ? [own, { type: "resumeRequested" }] : yieldTo(own, rival));
    }
    const refusal = this.#refusals.get(own);
    if (refusal && this.#rivals(own).length === 0) {
      this.#refusals.delete(own);
      followUps.push([own, refusal]);
    }
    return followUps;
  }

  /** @param {OutgoingCall} own @returns {FollowUp[]} */
  #followOwn(own) {
    const rivals = this.#rivals(own);
    if (own.accepted) return rivals.flatMap((rival) => settle(own, rival));
    if (own.state !== "closed") return [];
    this.#refusals.delete(own);
    for (const rival of rivals) this.#own.delete(rival);
    return own.closed?.reason === "cancelled" ? followCancelled(rivals) : followLeft(rivals);
  }
}
