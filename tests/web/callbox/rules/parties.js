// @ts-nocheck
/** Calls in a wanted state, for tests of the rules. */

import { IncomingCall } from "../../../../agent/web/callbox/rules/incoming.js";
import { CALL_TIMING } from "../../../../agent/web/callbox/rules/machine.js";
import { OutgoingCall } from "../../../../agent/web/callbox/rules/outgoing.js";

export const DEVICE = { uid: "door-1", party: "device" };
export const OTHER = { uid: "door-2", party: "other" };

export const types = (effects) => effects.map(({ type }) => type);

/** Gives the inputs one after the other. Returns the outcome of the last. */
export function feed(call, now, ...inputs) {
  return inputs.map((input) => call.handle(input, now)).at(-1);
}

export function outgoing(plan = {}, timing = {}) {
  const about = { targets: [DEVICE.uid], secondId: "second", ...plan };
  const call = new OutgoingCall("first", "me", about, { ...CALL_TIMING, ...timing }, 0);
  call.start(0);
  return call;
}

/** An outgoing call of which the invitation is out. */
export function inviting(plan, timing) {
  const call = outgoing(plan, timing);
  feed(call, 0, { type: "descriptionReady", generation: 0, sdp: "offer" });
  return call;
}

/** An outgoing call that `DEVICE` has accepted at 1 s. */
export function connecting(plan, timing) {
  const call = inviting(plan, timing);
  feed(call, 1, { type: "responseReceived", ...DEVICE, status: "ACCEPTED", sdp: "answer" });
  return call;
}

/** Connected at 2 s. */
export function established(plan, timing) {
  const call = connecting(plan, timing);
  feed(call, 2, { type: "peerConnected", generation: 0 });
  return call;
}

export function incoming(decision = null, more = {}) {
  const invitation = { conversation: "first", caller: DEVICE.uid, sdp: "offer", lifetime: 30 };
  const about = { ...invitation, party: DEVICE.party, ...more };
  return new IncomingCall(about, "me", CALL_TIMING, 0, decision);
}
