// @ts-check
/** The signaling messages (PROTOCOL 2): which fields each has, and what may be in them. */

import { CALL_STATUSES, PURPOSES } from "../vocabulary.js";
import {
  candidate,
  code,
  conversationId,
  generation,
  iceServers,
  inside,
  number,
  oneOf,
  optional,
  outputName,
  partyId,
  sdp,
  textUpTo,
  time,
  token,
  truth,
  uid,
  userData,
} from "./checks.js";
import { readObject } from "./json.js";
import { MalformedMessage, NO_CONVERSATION } from "./malformed.js";

/** @typedef {import("../signals.js").Signal} Signal */

/**
 * The fields of each message beside `type`, `conversation` and `party`.
 * @type {Record<string, Record<string, import("./checks.js").Check>>}
 */
const MESSAGES = {
  invite: {
    sdp,
    sentAt: time,
    lifetime: optional(number(1, 120)),
    userData: optional(userData),
    purpose: optional(oneOf(PURPOSES)),
    iceServers: optional(iceServers),
    auth: optional(token),
  },
  ringing: { expiresIn: number(0, 3600) },
  response: {
    callStatus: oneOf(CALL_STATUSES),
    sdp: optional(sdp),
    reason: optional(code),
    now: optional(time),
    auth: optional(token),
  },
  select: { selectedParty: partyId },
  candidate: { candidate },
  offer: { generation, sdp },
  answer: { generation, sdp },
  close: { reason: code, by: optional(uid) },
  talk: { on: truth },
  open: {
    output: optional(outputName),
    issuedAt: time,
    code: optional(textUpTo(64)),
    auth: optional(token),
  },
  opened: { output: outputName, issuedAt: time },
  error: { code, message: textUpTo(500), now: optional(time) },
};

/**
 * The signalling message in `payload`. Throws MalformedMessage, and nothing else.
 * @param {Uint8Array | string} payload
 * @returns {Signal}
 */
export function parseSignal(payload) {
  const value = readObject(payload);
  const about = {
    conversation: conversationId(value.conversation) ? NO_CONVERSATION : value.conversation,
    type: String(value.type),
  };
  if (typeof value.type !== "string")
    throw new MalformedMessage("invalid", "type: must be a string", about);
  if (!Object.hasOwn(MESSAGES, value.type)) {
    throw new MalformedMessage(
      "unknown_type",
      `type: ${JSON.stringify(value.type)} is not known`,
      about,
    );
  }
  const fields = { conversation: conversationId, party: partyId, ...MESSAGES[value.type] };
  for (const [name, check] of Object.entries(fields)) {
    const fault =
      value[name] === undefined && check(undefined) ? "is required" : check(value[name]);
    if (fault) throw new MalformedMessage("invalid", `${value.type}${inside(name, fault)}`, about);
  }
  if (value.type === "response" && value.callStatus === "ACCEPTED" && !value.sdp) {
    throw new MalformedMessage(
      "invalid",
      "response.sdp: is required where callStatus is ACCEPTED",
      about,
    );
  }
  return /** @type {Signal} */ (value);
}
