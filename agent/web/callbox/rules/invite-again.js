// @ts-check
/** An invitation that goes out once more, as our clock is wrong (PROTOCOL 2). */

/**
 * @typedef {import("./machine.js").Step} Step
 * @typedef {import("./outgoing.js").OutgoingCall} OutgoingCall
 * @typedef {import("./target.js").Target} Target
 */

/** Seconds by which clocks differ that are both right, and an answer's way. */
const AGREEING = 30;

/**
 * How much our clock is behind, if all who have said anything say the same of it.
 * @param {Target[]} targets
 * @returns {number | null}
 */
export function agreedClock(targets) {
  const clocks = targets.map(({ clock }) => clock).filter((clock) => clock !== null);
  const tookIt = targets.some(
    ({ status, ringing, clock }) =>
      status === "BUSY" || status === "REJECTED" || (ringing.size > 0 && clock === null),
  );
  if (tookIt || clocks.length === 0) return null;
  return Math.max(...clocks) - Math.min(...clocks) > AGREEING ? null : clocks[0];
}

/**
 * Our clock is wrong, a remote peer says: whoever waits, or could not be reached by our time, is
 * invited once more, by its time (PROTOCOL 2).
 * Under a new id, as the old one has been answered; for the application it stays the same call.
 * @param {OutgoingCall} call
 * @param {number} remoteNow
 * @param {number} now
 * @returns {Step}
 */
export function inviteAgain(call, remoteNow, now) {
  call.signaledAs = /** @type {string} */ (call.secondId);
  call.secondId = null;
  const waiting = call.targets.filter((target) => target.waiting);
  const again =
    waiting.length > 0 ? waiting : call.targets.filter(({ status }) => status === "TIMEOUT");
  const withdrawn = again.map(({ uid: to }) => ({ type: "sendClose", to, reason: "cancelled" }));
  for (const target of again) target.beginAnew();
  call.early = [];
  call.forgetCandidates();
  const renamed = { type: "inviteAgain", conversation: call.signaledAs, now: remoteNow };
  const invited = call.invite(waiting.length > 0 ? waiting : call.firstTargets, now);
  return ["inviting", [...withdrawn, renamed, ...invited]];
}
