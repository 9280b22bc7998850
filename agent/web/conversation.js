// @ts-check
/**
 * Calls to and from callbox devices in a browser: MQTT 5 carries the signalling, WebRTC the media. No user interface.
 *
 *     import { CallClient } from "./conversation.js";
 *     const client = new CallClient({ broker: "wss://example.org/mqtt", uid: "front-desk", token });
 *     client.on("called", (conversation) => conversation.accept(localStream));
 *     await client.start();
 *     const conversation = client.call("door-1", localStream, { userData: { text: "hello" } });
 *     conversation.on("stream_received", ({ stream }) => (video.srcObject = stream));
 *     conversation.on("closed", (record) => console.log(record.reason));
 *
 * One file, one dependency: MQTT.js 5, as the global `mqtt` or as the option `connect`. It speaks the project's
 * signalling protocol, version 1; "PROTOCOL 2" in a comment is its section 2. Nothing that arrives from the network makes
 * it throw: what cannot be used is answered with an `error` message, or ignored.
 */

/**
 * @typedef {"ACCEPTED" | "REJECTED" | "BUSY" | "TIMEOUT"} CallStatus
 * @typedef {"incoming" | "outgoing"} Direction
 * @typedef {"local" | "remote"} Side
 * @typedef {"inviting" | "ringing" | "called" | "connecting" | "connected" | "closed"} ConversationState
 *   inviting: the invitation is out; ringing: a person is asked there; called: a person is asked here.
 * @typedef {"stopped" | "connecting" | "connected" | "reconnecting"} ConnectionState
 * @typedef {{ candidate: string, sdpMid?: string | null, sdpMLineIndex?: number | null }} Candidate
 * @typedef {Record<string, any> & { type: string, conversation: string, party: string }} Signal
 * @typedef {Record<string, any>} MediaStatistics W3C webrtc-stats names; what is not known is left out
 * @typedef {{ video?: MediaStatistics, audio?: MediaStatistics, transport?: Record<string, any> }} StatisticsReport
 *
 * @typedef {object} CallRecord The record of a call (PROTOCOL 5). Times are RFC 3339, `duration` is in seconds.
 * @property {string} conversation
 * @property {string} remoteUid
 * @property {Direction} direction
 * @property {string} reason why it ended (PROTOCOL 4)
 * @property {Side} closedBy
 * @property {CallStatus} [callStatus]
 * @property {string} [responseReason] the short code that came with REJECTED, BUSY or TIMEOUT
 * @property {string} invitedAt
 * @property {string} [answeredAt]
 * @property {string} [connectedAt]
 * @property {string} endedAt
 * @property {number} duration
 * @property {{ response?: number, ice?: number, dtls?: number, firstFrame?: number }} setup milliseconds from the invitation
 * @property {{ local?: string, remote?: string, protocol?: string, relayed?: boolean }} [path]
 * @property {number} reconnects
 * @property {Record<string, number | string>} [video]
 * @property {Record<string, number | string>} [audio]
 * @property {{ mos: number, model: string }} [quality] an estimate, 1 (bad) to 5
 *
 * @typedef {object} ConversationEvents
 * @property {{ expiresIn: number }} ringing a person is being asked at the far side
 * @property {{ callStatus: CallStatus, reason?: string }} response
 * @property {{ stream: MediaStream, tracks: { kind: string, codec?: string }[] }} stream_received
 * @property {CallRecord} closed exactly once; nothing follows
 * @property {{ code: string, message: string }} error
 * @property {StatisticsReport} local_stats what this side sends
 * @property {StatisticsReport} remote_stats what arrives, and what the far side reports of our stream
 * @property {{ cause: string, generation: number }} degraded a fresh transport is being made
 * @property {{ generation: number }} restored
 * @property {{ state: ConversationState }} state
 *
 * @typedef {object} Device
 * @property {string} uid
 * @property {{ state: string, busy?: boolean, conversations?: number, since?: string, version?: string }} [status]
 * @property {Record<string, any>} [about]
 *
 * @typedef {object} ClientEvents
 * @property {Conversation} called
 * @property {{ state: ConnectionState, code?: string, message?: string }} connection
 * @property {Device} presence a device's `status` or `about` changed; with neither it was removed
 * @property {{ code: string, message: string }} error
 *
 * @typedef {object} CallClientOptions
 * @property {string} broker `ws:`, `wss:`, `http:` or `https:` address, or a path beside the page
 * @property {string} uid this side's name
 * @property {string} [token] an MQTT password by its newer name
 * @property {string} [username] MQTT user name; `uid` where there is a password without one
 * @property {string} [password]
 * @property {string} [prefix] first levels of every topic
 * @property {string} [party] this client among several of the same uid; random by default
 * @property {RTCIceServer[]} [iceServers] none by default, never a third party's
 * @property {number} [maxConversations] 1 by default; more are answered BUSY
 * @property {boolean} [presence] whether to follow the devices' `status` and `about`; true by default
 * @property {number} [keepalive] seconds, 60 by default
 * @property {Record<string, any>} [mqttOptions] passed on to MQTT.js
 * @property {(url: string, options: any) => any} [connect] MQTT.js's `connect`; the global `mqtt.connect` by default
 *
 * @typedef {object} CallOptions
 * @property {any} [userData] any JSON of at most 4 KiB, shown to the far side
 * @property {any} [data] the same by the name that older SDKs use
 * @property {number} [lifetime] seconds to wait for an answer, 1 to 120, 30 by default
 * @property {RTCIceTransportPolicy} [iceTransportPolicy]
 * @property {boolean | RTCRtpTransceiverDirection} [audio] true: receive, and send where the local stream has it
 * @property {boolean | RTCRtpTransceiverDirection} [video] likewise; `"sendrecv"` lets a camera be added later
 * @property {boolean} [lipSync] true by default; false shows each picture as soon as it is here, not with its sound
 * @property {boolean} [shareIceServers] hand this side's ICE servers to the far side
 */

export const DEFAULT_PREFIX = "callbox/v1";
export const CALL_STATUSES = Object.freeze(["ACCEPTED", "REJECTED", "BUSY", "TIMEOUT"]);
export const CLOSE_REASONS = Object.freeze([
  "user_hangup",
  "user_busy",
  "rejected",
  "cancelled",
  "invite_timeout",
  "answered_elsewhere",
  "replaced",
  "ice_failed",
  "ice_timeout",
  "media_timeout",
  "no_user_media",
  "out_of_resources",
  "low_power",
  "privacy_mode",
  "max_duration",
  "shutdown",
  "crash_recovered",
  "unknown_reason",
]);

/** In an `error` about a message that named no conversation. */
const NO_CONVERSATION = "00000000-0000-0000-0000-000000000000";
const CHANNEL_LABEL = "callbox";
/** MQTT 5, section 3.4.2.1. */
const NO_MATCHING_SUBSCRIBERS = 0x10;
/** No clock is right that is earlier than this file. */
const EARLIEST_PLAUSIBLE = Date.UTC(2026, 10, 1);

const MAX_PAYLOAD = 64 * 1024; // bytes
const MAX_DEPTH = 16; // levels of objects and arrays, the outermost being the first
const MAX_SDP = 48 * 1024; // characters
const MAX_USER_DATA = 4 * 1024; // bytes of JSON
const MAX_SDP_CANDIDATES = 20;
const MAX_TRICKLED_CANDIDATES = 40;
const MAX_RENEWALS = 100; // in one conversation
const MAX_REMEMBERED = 64; // conversations that ended
const MAX_DEVICES = 1000;

/** Milliseconds, where nothing else is said. */
const TIMING = Object.freeze({
  gathering: 50, // how long an offer or an answer waits for candidates at most; the rest is trickled
  gatheringPause: 8, // those of this machine come at once: after such a pause nothing is waited for
  trickle: 20, // candidates found within this are sent together
  setup: 15_000, // from ACCEPTED to connected
  renewal: 15_000, // from the loss of a transport, or the far side's last word since, to a new one, or the end
  hold: 45_000, // and from the loss of the transport, whatever the far side says
  goodbye: 2_000, // from the far side's closing the transport to its `close`, or to a fresh offer
  underWay: 500, // what it sent before that has arrived by then
  retry: 5_000, // an offer of a fresh transport that came to nothing is repeated
  answerTravel: 2_000, // the far side says TIMEOUT itself; this much later we do
  clockSkew: 5_000,
  sample: 1_000,
  samplesPerReport: 2,
  stalledSamples: 3, // with nothing arriving at all: the transport is renewed
  firstFramePoll: 40,
  repeat: 1_000, // an invitation for a device that is just coming back
  confirmPresence: 2_000, // after a connect: who was not announced again by then is not there any more
  acknowledge: 2_000, // a broker that does not acknowledge an offer by then is behind a dead connection
  lastSample: 200, // what the final statistics may cost at the end of a call
});

// -- small things ----------------------------------------

/** Reports a fault of a listener or of ours without disturbing whoever runs now. @param {unknown} fault */
function reportFault(fault) {
  if (typeof globalThis.reportError === "function") globalThis.reportError(fault);
  else console.error(fault);
}

/**
 * Events by name, each with one detail.
 * @template {object} Events
 */
class Emitter {
  /** @type {Map<PropertyKey, Set<(detail: any) => void>>} */
  #listeners = new Map();

  /**
   * Calls `listener` with each event of this name. Returns a function that ends that.
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(detail: Events[Name]) => void} listener
   * @returns {() => void}
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /**
   * Tells the listeners of `name`; whether there were any. A listener that throws is reported and disturbs no other.
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} detail
   * @returns {boolean}
   * @protected
   */
  emit(name, detail) {
    const listeners = [...(this.#listeners.get(name) ?? [])];
    for (const listener of listeners) {
      try {
        listener(detail);
      } catch (fault) {
        reportFault(fault);
      }
    }
    return listeners.length > 0;
  }
}

/** Named timers of one owner, all ended by `clearAll()`. */
class Deadlines {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();

  /** @param {string} name @param {number} milliseconds @param {() => void} action */
  set(name, milliseconds, action) {
    this.clear(name);
    const expire = () => {
      this.#timers.delete(name);
      action();
    };
    this.#timers.set(name, setTimeout(expire, milliseconds));
  }

  /** @param {string} name */
  has(name) {
    return this.#timers.has(name);
  }

  /** @param {string} name */
  clear(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  clearAll() {
    for (const name of [...this.#timers.keys()]) this.clear(name);
  }
}

/** A random UUID, version 4. `crypto.randomUUID` exists only in secure pages; a LAN address is none. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @param {unknown} value @returns {value is Record<string, any>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** `fields` without those that are undefined. @template {Record<string, any>} T @param {T} fields @returns {T} */
const present = (fields) =>
  /** @type {T} */ (Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));

/** @param {unknown} fault */
const textOf = (fault) => (fault instanceof Error ? fault.message : String(fault));

/**
 * The WebSocket address of `broker`, which may be a path beside the page.
 * @param {string} broker
 * @returns {string}
 */
export function brokerUrl(broker) {
  const url = new URL(broker, globalThis.location?.href);
  url.protocol = url.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(url.protocol)) throw new TypeError(`broker: ${url.protocol} is not a WebSocket address`);
  return url.href;
}

/** @param {unknown} text @returns {text is string} */
export function isUid(text) {
  return typeof text === "string" && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(text);
}

// -- messages: what may come from the network (PROTOCOL 1, 2 and 8) ----------------------------------------

/** A message that cannot be used. `code` and `message` may be told to its sender. */
export class MalformedMessage extends Error {
  /** @param {string} code @param {string} message @param {{ conversation?: string, type?: string }} [about] */
  constructor(code, message, { conversation = NO_CONVERSATION, type = "" } = {}) {
    super(message.length > 200 ? `${message.slice(0, 199)}…` : message);
    this.name = "MalformedMessage";
    this.code = code;
    this.conversation = conversation;
    this.type = type;
  }
}

/**
 * A check of a field: undefined where the value is good, else what it must be.
 * @typedef {(value: any) => string | undefined} Check
 */

/** @param {boolean} good @param {string} rule */
const must = (good, rule) => (good ? undefined : `must be ${rule}`);
/** @param {number} max @param {RegExp} [pattern] @returns {Check} */
const text = (max, pattern) => (value) =>
  must(
    typeof value === "string" && value.length > 0 && value.length <= max && (!pattern || pattern.test(value)),
    pattern ? `a string that matches ${pattern.source}` : `a string of 1 to ${max} characters`,
  );
/** @param {number} min @param {number} max @returns {Check} */
const number = (min, max) => (value) =>
  must(typeof value === "number" && value >= min && value <= max, `a number from ${min} to ${max}`);
/** @param {number} min @param {number} max @returns {Check} */
const integer = (min, max) => (value) =>
  must(Number.isInteger(value) && value >= min && value <= max, `a whole number from ${min} to ${max}`);
/** @param {readonly string[]} words @returns {Check} */
const oneOf = (words) => (value) => must(words.includes(value), `one of ${words.join(", ")}`);
/** @param {Check} check @returns {Check} */
const optional = (check) => (value) => (value === undefined || value === null ? undefined : check(value));

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;
/** @type {Check} */
const time = (value) =>
  must(
    typeof value === "string" && RFC3339.test(value) && !Number.isNaN(Date.parse(value)) && isDay(value),
    "an RFC 3339 time",
  );
/** Whether the month has that day: `Date.parse` takes 30 February for 2 March. @param {string} moment */
const isDay = (moment) => new Date(`${moment.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(moment.slice(8, 10));
/** @type {Check} */
const userData = (value) =>
  must(byteLength(JSON.stringify(value)) <= MAX_USER_DATA, `at most ${MAX_USER_DATA} bytes of JSON`);

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const conversationId = text(36, UUID);
const partyId = text(64, /^[!-~]{1,64}$/);
const code = text(64);
const sdp = text(MAX_SDP);
const token = text(8 * 1024);
const generation = integer(1, 1_000_000);
const serverUrl = text(510, /^(stun|stuns|turn|turns):[!-~]{1,500}$/);
/** @type {Check} */
const short = (value) => must(typeof value === "string" && value.length <= 512, "a string of at most 512 characters");

/**
 * A check of what is inside of a value: the fault begins with the way to it.
 * @param {string | number} name
 * @param {string | undefined} fault
 */
const inside = (name, fault) => fault && `.${name}${fault.startsWith(".") ? "" : ": "}${fault}`;

/** @type {Check} */
function iceServer(value) {
  if (!isObject(value)) return "must be an object";
  const { urls, username, credential } = value;
  const each = Array.isArray(urls) ? urls : [urls];
  const fault = each.length < 1 || each.length > 8 ? "must have 1 to 8 urls" : each.map(serverUrl).find(Boolean);
  return (
    inside("urls", fault) ??
    inside("username", optional(short)(username)) ??
    inside("credential", optional(short)(credential))
  );
}

/** @type {Check} */
const iceServers = (value) =>
  Array.isArray(value) && value.length <= 10
    ? value.map((server, index) => inside(index, iceServer(server))).find(Boolean)
    : "must be an array of at most 10";

/** @type {Check} */
function candidate(value) {
  if (value === undefined) return "is required";
  if (value === null) return undefined;
  if (!isObject(value)) return "must be an object or null";
  const { candidate: line, sdpMid, sdpMLineIndex } = value;
  const isLine = typeof line === "string" && line.length <= 1024; // browsers end a generation with an empty one
  const isMid = typeof sdpMid === "string" && sdpMid.length <= 64;
  return (
    inside("candidate", must(isLine, "a string of at most 1024 characters")) ??
    inside("sdpMid", optional(() => must(isMid, "a string of at most 64 characters"))(sdpMid)) ??
    inside("sdpMLineIndex", optional(integer(0, 63))(sdpMLineIndex))
  );
}

/**
 * The fields of each message beside `type`, `conversation` and `party`.
 * @type {Record<string, Record<string, Check>>}
 */
const MESSAGES = {
  invite: {
    sdp,
    sentAt: time,
    lifetime: optional(number(1, 120)),
    userData: optional(userData),
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
  close: { reason: code },
  error: {
    code,
    message: (value) => must(typeof value === "string" && value.length <= 500, "a string of at most 500 characters"),
  },
};

/** @param {string} value */
const byteLength = (value) => new TextEncoder().encode(value).length;

/** @param {any} value @param {number} levels */
function isDeeper(value, levels) {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const each of Object.values(value)) if (isDeeper(each, levels - 1)) return true;
  return false;
}

const NAME_OR_BRACKET = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/gs;

/**
 * Whether a name stands twice in an object: two readers could take two different values from it.
 * @param {string} json
 */
function hasRepeatedName(json) {
  /** @type {Set<string>[]} */
  const scopes = [];
  for (const [token, colon] of json.matchAll(NAME_OR_BRACKET)) {
    if (token === "{" || token === "[") scopes.push(new Set());
    else if (token === "}" || token === "]") scopes.pop();
    else if (colon) {
      const name = JSON.parse(token.slice(0, -colon.length));
      if (scopes.at(-1)?.has(name)) return true;
      scopes.at(-1)?.add(name);
    }
  }
  return false;
}

/**
 * What JSON.parse lets pass and others do not: numbers too large, halves of surrogate pairs.
 * @param {string} _name
 * @param {any} value
 */
function refuseOddities(_name, value) {
  if (value === Infinity || value === -Infinity) throw new SyntaxError("a number that is too large");
  if (typeof value === "string" && /\p{Surrogate}/u.test(value))
    throw new SyntaxError("half of a surrogate pair in a string");
  return value;
}

/**
 * The JSON object in `payload`, bounded in size and depth. Throws MalformedMessage.
 * @param {Uint8Array | string} payload
 * @returns {Record<string, any>}
 */
function readObject(payload) {
  const size = typeof payload === "string" ? byteLength(payload) : payload.byteLength;
  if (size > MAX_PAYLOAD) throw new MalformedMessage("too_large", `${size} bytes, at most ${MAX_PAYLOAD} are read`);
  let value;
  try {
    const json = typeof payload === "string" ? payload : new TextDecoder("utf-8", { fatal: true }).decode(payload);
    value = JSON.parse(json);
    if (isDeeper(value, MAX_DEPTH)) throw new MalformedMessage("too_deep", `nested deeper than ${MAX_DEPTH} levels`);
    JSON.parse(json, refuseOddities);
    if (hasRepeatedName(json)) throw new SyntaxError("a name stands twice in an object");
  } catch (fault) {
    throw fault instanceof MalformedMessage ? fault : new MalformedMessage("not_json", textOf(fault));
  }
  if (!isObject(value)) throw new MalformedMessage("not_an_object", "the payload must be a JSON object");
  return value;
}

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
  if (typeof value.type !== "string") throw new MalformedMessage("invalid", "type: must be a string", about);
  if (!Object.hasOwn(MESSAGES, value.type)) {
    throw new MalformedMessage("unknown_type", `type: ${JSON.stringify(value.type)} is not known`, about);
  }
  const fields = { conversation: conversationId, party: partyId, ...MESSAGES[value.type] };
  for (const [name, check] of Object.entries(fields)) {
    const fault = value[name] === undefined && check(undefined) ? "is required" : check(value[name]);
    if (fault) throw new MalformedMessage("invalid", `${value.type}${inside(name, fault)}`, about);
  }
  if (value.type === "response" && value.callStatus === "ACCEPTED" && !value.sdp) {
    throw new MalformedMessage("invalid", "response.sdp: is required where callStatus is ACCEPTED", about);
  }
  return /** @type {Signal} */ (value);
}

// -- the clock ----------------------------------------

/** The time of day by which invitations are dated: the system's, corrected by a far side that knows better. */
class Clock {
  #offset = 0;

  now() {
    return Date.now() + this.#offset;
  }

  get plausible() {
    return this.now() >= EARLIEST_PLAUSIBLE;
  }

  /** @param {string} [moment] RFC 3339 */
  correct(moment) {
    if (moment) this.#offset = Date.parse(moment) - Date.now();
  }

  format(moment = this.now()) {
    return new Date(moment).toISOString();
  }
}

// -- MQTT ----------------------------------------

/**
 * The connection to the broker: kept up with growing, jittered delays, subscribed anew on every connect.
 *
 * @typedef {"taken" | "unheard" | "failed"} Delivery `unheard`: the broker took it, and knows nobody who would get it
 *
 * @typedef {object} LinkOptions
 * @property {(url: string, options: any) => any} connect
 * @property {string} url
 * @property {Record<string, any>} mqttOptions
 * @property {string[]} required topic filters without which there is no connection
 * @property {string[]} desired topic filters that a broker may refuse
 * @property {(topic: string, payload: Uint8Array, retained: boolean) => void} onMessage
 * @property {(state: ConnectionState, code?: string, message?: string) => void} onState
 * @property {() => boolean} urgent whether a conversation depends on it now
 */
class Link {
  #options;
  /** @type {any} */
  #client = null;
  #attempts = 0;
  /** @type {Set<() => void>} */
  #waiting = new Set();
  /** Ids of messages that the broker had nobody for. @type {Set<number>} */
  #unheard = new Set();
  connected = false;

  /** @param {LinkOptions} options */
  constructor(options) {
    this.#options = options;
  }

  start() {
    if (this.#client) return;
    this.#options.onState("connecting");
    const client = this.#options.connect(this.#options.url, {
      protocolVersion: 5,
      clean: false, // with the expiry below, what arrives during a short outage is kept for us
      properties: { sessionExpiryInterval: 60 },
      resubscribe: false, // done here, so that retained presence comes again
      reconnectPeriod: this.#delay(),
      reconnectOnConnackError: true,
      connectTimeout: 10_000,
      timerVariant: "native", // the default starts a worker from a blob, which a strict CSP forbids
      ...this.#options.mqttOptions,
    });
    this.#client = client;
    client.on("connect", () => this.#subscribe(client));
    client.on("reconnect", () => (client.options.reconnectPeriod = this.#delay()));
    client.on("close", () => this.#lost());
    client.on("packetreceive", (/** @type {any} */ packet) => this.#noteUnheard(packet));
    client.on("error", (/** @type {any} */ fault) => this.#failed(fault));
    client.on("message", (/** @type {string} */ topic, /** @type {Uint8Array} */ payload, /** @type {any} */ packet) =>
      this.#options.onMessage(topic, payload, Boolean(packet?.retain)),
    );
  }

  /** Resolves when what was published is on its way, at most after a second. */
  async stop() {
    const client = this.#client;
    if (!client) return;
    this.#client = null;
    this.connected = false;
    this.#options.onState("stopped");
    const ended = new Promise((resolve) => client.end(false, { properties: { sessionExpiryInterval: 0 } }, resolve));
    await Promise.race([ended, pause(1000)]);
    client.stream?.destroy();
  }

  /** Resolves as soon as messages can go both ways. @returns {Promise<void>} */
  ready() {
    return this.connected ? Promise.resolve() : new Promise((resolve) => this.#waiting.add(resolve));
  }

  /**
   * Publishes with QoS 1. Resolves with what the broker said; while there is none it is kept for the next connect.
   * @param {string} topic
   * @param {object} message
   * @param {number} [expiry] seconds
   * @returns {Promise<Delivery>}
   */
  publish(topic, message, expiry) {
    const properties = expiry ? { messageExpiryInterval: Math.ceil(expiry) } : undefined;
    return new Promise((resolve) => {
      if (!this.#client) return resolve("failed");
      const done = (/** @type {unknown} */ fault, /** @type {any} */ packet) =>
        resolve(fault ? "failed" : this.#unheard.delete(packet?.messageId) ? "unheard" : "taken");
      this.#client.publish(topic, JSON.stringify(message), { qos: 1, retain: false, properties }, done);
    });
  }

  /** Drops a connection that only seems to be up; the next one is made at once. */
  renew() {
    if (this.#client && this.connected) this.#client.stream?.destroy();
  }

  #delay() {
    const ceiling = this.#options.urgent() ? 2_000 : 15_000;
    const delay = Math.min(ceiling, 500 * 2 ** Math.min(this.#attempts++, 10));
    return Math.round(delay * (0.5 + Math.random() / 2));
  }

  /** @param {any} client */
  #subscribe(client) {
    const { required, desired, onState } = this.#options;
    client.subscribe(required, { qos: 1 }, (/** @type {unknown} */ fault, /** @type {{ qos: number }[]} */ grants) => {
      if (client !== this.#client || !client.connected) return;
      if (fault || grants?.some(({ qos }) => qos >= 128)) {
        onState("reconnecting", "not_authorized", "the broker refuses the subscription to our own messages");
        return;
      }
      this.#attempts = 0;
      client.options.reconnectPeriod = this.#delay();
      this.connected = true;
      onState("connected");
      for (const resume of this.#waiting) resume();
      this.#waiting.clear();
    });
    if (desired.length > 0) client.subscribe(desired, { qos: 1 }, () => {});
  }

  /**
   * MQTT.js does not pass this acknowledgement on.
   * @param {{ cmd: string, reasonCode?: number, messageId: number }} packet
   */
  #noteUnheard({ cmd, reasonCode, messageId }) {
    if (cmd === "puback" && reasonCode === NO_MATCHING_SUBSCRIBERS) this.#unheard.add(messageId);
  }

  #lost() {
    this.#unheard.clear();
    if (!this.#client || !this.connected) return;
    this.connected = false;
    this.#options.onState("reconnecting");
  }

  /** @param {any} fault */
  #failed(fault) {
    if (!this.#client) return;
    this.connected = false;
    const refused = [4, 5, 0x86, 0x87, 0x8c].includes(fault?.code);
    this.#options.onState("reconnecting", refused ? "not_authorized" : "broker_unreachable", textOf(fault));
  }
}

// -- WebRTC: one transport ----------------------------------------

/**
 * SDP with at most as many candidates as the far side reads; those over UDP are kept first.
 * @param {string} description
 */
function limitCandidates(description) {
  const isCandidate = (/** @type {string} */ line) => line.startsWith("a=candidate:");
  const lines = description.split("\r\n");
  const all = lines.filter(isCandidate);
  if (all.length <= MAX_SDP_CANDIDATES) return description;
  const isTcp = (/** @type {string} */ line) => / tcp /i.test(line);
  const kept = new Set([...all.filter((l) => !isTcp(l)), ...all.filter(isTcp)].slice(0, MAX_SDP_CANDIDATES));
  return lines.filter((line) => !isCandidate(line) || kept.has(line)).join("\r\n");
}

/**
 * A far side's SDP with its sound in a stream of its own. Browsers hold the pictures of a stream back until its sound is
 * played, and sound that was late once is played late for half a minute.
 * @param {string} description
 */
export function takeApart(description) {
  const sections = description.split(/(?=^m=)/m);
  const alone = (/** @type {string} */ section) => section.replace(/^(a=(?:ssrc:\d+ )?msid:)\S+/gm, "$1sound");
  return sections.map((section) => (section.startsWith("m=audio") ? alone(section) : section)).join("");
}

/**
 * @param {boolean | RTCRtpTransceiverDirection} wanted
 * @param {MediaStreamTrack | null} track
 * @returns {RTCRtpTransceiverDirection}
 */
function directionOf(wanted, track) {
  if (typeof wanted === "string") return wanted;
  if (!wanted) return "inactive";
  return track ? "sendrecv" : "recvonly";
}

/** The codec of a track that arrives, such as `H264`. @param {RTCRtpReceiver} receiver */
function codecOf(receiver) {
  const mimeType = receiver.getParameters?.().codecs?.[0]?.mimeType;
  return mimeType?.split("/")[1];
}

/**
 * One RTCPeerConnection, made for one offer or one answer. Reports through `hooks`, never after `close()`.
 *
 * @typedef {object} TransportHooks
 * @property {(candidates: (Candidate | null)[]) => void} onCandidates to be trickled; null is the end of them
 * @property {() => void} onIce
 * @property {() => void} onConnected
 * @property {(detail: string) => void} onLost
 * @property {() => void} onLeft the far side has closed it
 * @property {(text: string) => void} onMessage from the data channel
 *
 * @typedef {object} Wanted
 * @property {boolean | RTCRtpTransceiverDirection} audio
 * @property {boolean | RTCRtpTransceiverDirection} video
 */
class Transport {
  #hooks;
  #local;
  /** @type {RTCDataChannel | null} */
  #channel = null;
  /** @type {(Candidate | null)[]} */
  #found = [];
  /** @type {(Candidate | null)[]} */
  #early = [];
  #trickling = false;
  #closed = false;
  #deadlines = new Deadlines();
  #onGathered = () => {};
  connected = false;
  /** The answer that was made here, to be sent again for the same offer. */
  answer = "";
  #lipSync;

  /**
   * @param {number} generation
   * @param {RTCConfiguration} configuration
   * @param {MediaStream | null} local
   * @param {TransportHooks} hooks
   * @param {boolean} lipSync
   */
  constructor(generation, configuration, local, hooks, lipSync) {
    this.generation = generation;
    this.#local = local;
    this.#hooks = hooks;
    this.#lipSync = lipSync;
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...configuration });
    this.pc.onicecandidate = ({ candidate }) => this.#candidateFound(candidate);
    this.pc.oniceconnectionstatechange = () => this.#iceChanged();
    this.pc.onconnectionstatechange = () => this.#connectionChanged();
    this.pc.ondatachannel = ({ channel }) => channel.label === CHANNEL_LABEL && this.#adopt(channel);
  }

  /** Prepares the offer; `describe()` reads it. @param {Wanted} wanted */
  async offer(wanted) {
    this.#adopt(this.pc.createDataChannel(CHANNEL_LABEL));
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      if (!wanted[kind]) continue;
      const track = this.#track(kind);
      const direction = directionOf(wanted[kind], track);
      const streams = this.#local ? [this.#local] : [];
      const transceiver = this.pc.addTransceiver(track ?? kind, { direction, streams });
      if (kind === "video") this.#preferH264(transceiver, true);
    }
    await this.pc.setLocalDescription(await this.pc.createOffer());
    await this.#gathered();
  }

  /**
   * Prepares the answer to `description`; `describe()` reads it.
   * @param {string} description
   * @param {Wanted} wanted
   */
  async accept(description, wanted) {
    await this.#setRemote("offer", description);
    for (const transceiver of this.pc.getTransceivers()) {
      const kind = /** @type {"audio" | "video"} */ (transceiver.receiver.track.kind);
      const track = this.#track(kind);
      if (track) await transceiver.sender.replaceTrack(track);
      if (track && this.#local) transceiver.sender.setStreams?.(this.#local);
      transceiver.direction = directionOf(wanted[kind], track);
      if (kind === "video") this.#preferH264(transceiver, false);
    }
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    await this.#remoteKnown();
    await this.#gathered();
    this.answer = this.describe();
  }

  /** @param {string} description */
  async applyAnswer(description) {
    if (this.pc.signalingState !== "have-local-offer") return;
    await this.#setRemote("answer", description);
    await this.#remoteKnown();
  }

  /** The local description with the candidates known so far. Whatever is found from now on is trickled. */
  describe() {
    this.#found = this.pc.iceGatheringState === "complete" ? [null] : [];
    this.#trickling = true;
    this.#flushSoon();
    return limitCandidates(this.pc.localDescription?.sdp ?? "");
  }

  /**
   * Whether `line` was made for this transport; unknown (true) where it does not name its ufrag.
   * @param {Candidate} line
   */
  matches({ candidate: line }) {
    const ufrag = / ufrag (\S+)/.exec(line)?.[1];
    const remote = this.pc.remoteDescription?.sdp;
    return !ufrag || !remote || remote.includes(`a=ice-ufrag:${ufrag}`);
  }

  /** Adds a candidate of the far side, before or after its description. @param {Candidate | null} line */
  async addCandidate(line) {
    if (this.#closed) return;
    if (!this.pc.remoteDescription) {
      if (this.#early.length < MAX_TRICKLED_CANDIDATES) this.#early.push(line);
      return;
    }
    try {
      await this.pc.addIceCandidate(line ? { ...line, candidate: line.candidate } : undefined);
    } catch {
      // One bad candidate is no reason to end a call; a call without a good one ends at its deadline.
    }
  }

  /** Sends on the data channel; false where there is none open. @param {string} message */
  send(message) {
    if (this.#channel?.readyState !== "open") return false;
    try {
      this.#channel.send(message);
      return true;
    } catch {
      return false; // closing just now
    }
  }

  /** @param {string} kind @param {MediaStreamTrack | null} track */
  async replaceTrack(kind, track) {
    const transceiver = this.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
    await transceiver?.sender.replaceTrack(track);
  }

  /** How many packets of any kind have arrived; NaN where that cannot be known any more. */
  async received() {
    try {
      return readSample(await this.pc.getStats(), 0).packetsReceived;
    } catch {
      return NaN; // closed while it was read
    }
  }

  /** Whether the far side may send anything. */
  get receives() {
    return this.pc.getTransceivers().some(({ currentDirection }) => /recv/.test(currentDirection ?? ""));
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.connected = false;
    this.#deadlines.clearAll();
    this.pc.onicecandidate = this.pc.oniceconnectionstatechange = this.pc.onconnectionstatechange = null;
    this.pc.ondatachannel = null;
    if (this.#channel) this.#channel.onmessage = this.#channel.onclose = null;
    this.pc.close();
  }

  /** @param {string} kind */
  #track(kind) {
    return this.#local?.getTracks().find((track) => track.kind === kind) ?? null;
  }

  /**
   * A device sends H.264 with packetization-mode 1 and nothing else.
   * @param {RTCRtpTransceiver} transceiver
   * @param {boolean} only
   */
  #preferH264(transceiver, only) {
    const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.("video")?.codecs ?? [];
    const isH264 = (/** @type {{ mimeType: string, sdpFmtpLine?: string }} */ codec) =>
      /^video\/h264$/i.test(codec.mimeType) && /packetization-mode=1/.test(codec.sdpFmtpLine ?? "");
    const h264 = codecs.filter(isH264);
    if (h264.length === 0 || !transceiver.setCodecPreferences) return;
    const others = codecs.filter((codec) => !isH264(codec) && (!only || /\/rtx$/i.test(codec.mimeType)));
    transceiver.setCodecPreferences([...h264, ...others]);
  }

  /** Resolves when the candidates of this machine are known, or when it takes too long. @returns {Promise<void>} */
  #gathered() {
    if (this.pc.iceGatheringState === "complete") return Promise.resolve();
    return new Promise((resolve) => {
      this.#onGathered = () => {
        this.#deadlines.clear("gathering");
        this.#deadlines.clear("pause");
        resolve();
      };
      this.#deadlines.set("gathering", TIMING.gathering, this.#onGathered);
    });
  }

  /** @param {"offer" | "answer"} type @param {string} description */
  #setRemote(type, description) {
    return this.pc.setRemoteDescription({ type, sdp: this.#lipSync ? description : takeApart(description) });
  }

  async #remoteKnown() {
    const early = this.#early.splice(0);
    for (const line of early) if (!line || this.matches(line)) await this.addCandidate(line);
  }

  /** @param {RTCIceCandidate | null} found */
  #candidateFound(found) {
    if (this.#closed || found?.candidate === "") return;
    if (!found) this.#onGathered();
    else if (!this.#trickling) this.#deadlines.set("pause", TIMING.gatheringPause, () => this.#onGathered());
    if (!this.#trickling || found?.protocol === "tcp") return; // a browser's are active ones, and so is everyone's here
    this.#found.push(found && { candidate: found.candidate, sdpMid: found.sdpMid, sdpMLineIndex: found.sdpMLineIndex });
    this.#flushSoon();
  }

  #flushSoon() {
    if (this.#found.length === 0 || this.#deadlines.has("trickle")) return;
    this.#deadlines.set("trickle", TIMING.trickle, () => this.#hooks.onCandidates(this.#found.splice(0)));
  }

  #iceChanged() {
    const state = this.pc.iceConnectionState;
    if (state === "connected" || state === "completed") this.#hooks.onIce();
    if (this.connected && state === "disconnected") this.#hooks.onLost(state);
  }

  #connectionChanged() {
    const state = this.pc.connectionState;
    if (state === "connected" && !this.connected) {
      this.connected = true;
      this.#watchDtls();
      this.#hooks.onConnected();
    } else if (state === "failed" || state === "closed") {
      this.connected = false;
      this.#hooks.onLost(state);
    }
  }

  /** @param {RTCDataChannel} channel */
  #adopt(channel) {
    this.#channel = channel;
    channel.onmessage = ({ data }) => typeof data === "string" && this.#hooks.onMessage(data);
    channel.onclose = () => this.#left();
  }

  /** Where there is no channel, DTLS tells of the far side's end; no browser calls the connection closed for that. */
  #watchDtls() {
    const dtls = this.pc.sctp?.transport ?? this.pc.getSenders()[0]?.transport;
    dtls?.addEventListener("statechange", () => dtls.state === "closed" && this.#left());
  }

  /** The far side has closed it. One that never opened, or that a dead path has taken along, says nothing of that. */
  #left() {
    if (this.connected && !this.#closed && this.pc.connectionState !== "failed") this.#hooks.onLeft();
  }
}

// -- statistics ----------------------------------------

/** Identifiers that mean nothing outside of one report. */
const NOT_STATISTICS = /^(id|type|timestamp|kind|mediaType|ssrc|mid|rid|trackIdentifier|rtxSsrc|fecSsrc|.*Id)$/;

/** What is known of `stats`, under its W3C names. @param {Record<string, any> | undefined} stats */
function known(stats) {
  const isKnown = (/** @type {[string, any]} */ [name, value]) =>
    !NOT_STATISTICS.test(name) &&
    value !== null &&
    value !== undefined &&
    !(typeof value === "number" && !Number.isFinite(value));
  return Object.fromEntries(Object.entries(stats ?? {}).filter(isKnown));
}

/** `fields` without what is not known. @param {Record<string, any>} fields @returns {Record<string, any>} */
function defined(fields) {
  const isDefined = (/** @type {any} */ value) =>
    value !== undefined && value !== null && !(typeof value === "number" && !Number.isFinite(value));
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isDefined(value)));
}

/**
 * Growth per second of a counter between two samples; undefined where either is missing.
 * @param {number | undefined} now
 * @param {number | undefined} before
 * @param {number} seconds
 */
function rate(now, before, seconds) {
  return now === undefined || before === undefined || !(seconds > 0) || now < before
    ? undefined
    : (now - before) / seconds;
}

/**
 * The mean of a running total over what was added since `before`.
 * @param {any} now
 * @param {any} before
 * @param {string} total
 * @param {string} count
 */
function meanOf(now, before, total, count) {
  const added = now?.[count] - (before?.[count] ?? 0);
  return added > 0 ? (now[total] - (before?.[total] ?? 0)) / added : undefined;
}

/**
 * One reading of a transport: the W3C objects that matter, by what they are.
 * @typedef {{ outbound?: any, inbound?: any, remoteInbound?: any, codecSent?: string, codecReceived?: string }} KindSample
 * @typedef {{ at: number, transport: Record<string, any>, video: KindSample, audio: KindSample, mediaReceived: number, packetsReceived: number }} Sample
 *   `mediaReceived` counts packets of picture and sound, `packetsReceived` those of any kind
 */

/**
 * @param {RTCStatsReport} report
 * @param {number} at milliseconds of a clock that never goes back
 * @returns {Sample}
 */
export function readSample(report, at) {
  /** @type {any[]} */
  const all = [];
  report.forEach((entry) => all.push(entry));
  const first = (/** @type {(entry: any) => boolean} */ test) => all.find(test);
  const codec = (/** @type {any} */ stats) =>
    stats?.codecId && first(({ id }) => id === stats.codecId)?.mimeType?.split("/")[1];
  const kind = (/** @type {string} */ name) => {
    const outbound = first((e) => e.type === "outbound-rtp" && e.kind === name && e.packetsSent > 0);
    const inbound = first((e) => e.type === "inbound-rtp" && e.kind === name && e.packetsReceived > 0);
    const remoteInbound = first((e) => e.type === "remote-inbound-rtp" && e.kind === name);
    return { outbound, inbound, remoteInbound, codecSent: codec(outbound), codecReceived: codec(inbound) };
  };
  const [video, audio] = [kind("video"), kind("audio")];
  const dtls = first(({ type }) => type === "transport");
  const mediaReceived = (video.inbound?.packetsReceived ?? 0) + (audio.inbound?.packetsReceived ?? 0);
  const packetsReceived = dtls?.packetsReceived ?? mediaReceived;
  return { at, video, audio, transport: readPath(all, dtls), mediaReceived, packetsReceived };
}

/**
 * The selected candidate pair and its transport.
 * @param {any[]} all
 * @param {any} dtls
 * @returns {Record<string, any>}
 */
function readPath(all, dtls) {
  const byId = (/** @type {string} */ id) => all.find((entry) => entry.id === id);
  const chosen = (/** @type {any} */ e) => e.type === "candidate-pair" && e.state === "succeeded" && e.nominated;
  const pair = byId(dtls?.selectedCandidatePairId) ?? all.find(chosen);
  if (!pair) return {};
  const local = byId(pair.localCandidateId);
  const remote = byId(pair.remoteCandidateId);
  return defined({
    localCandidateType: local?.candidateType,
    remoteCandidateType: remote?.candidateType,
    protocol: local?.relayProtocol ?? local?.protocol,
    relayed: local && remote && [local, remote].some(({ candidateType }) => candidateType === "relay"),
    ...known(pair),
    ...known(dtls),
  });
}

/**
 * `local_stats` and `remote_stats` of PROTOCOL 5, from two readings.
 * @param {Sample} sample
 * @param {Sample | null} before
 * @returns {{ local: StatisticsReport, remote: StatisticsReport }}
 */
export function makeReports(sample, before) {
  const seconds = before ? (sample.at - before.at) / 1000 : NaN;
  const each = (/** @type {(kind: "video" | "audio") => any} */ make) =>
    defined({ video: make("video"), audio: make("audio"), transport: { ...sample.transport } });
  return {
    local: each((kind) => sentMedia(sample[kind], before?.[kind], seconds)),
    remote: each((kind) => receivedMedia(sample[kind], before?.[kind], seconds, sample.transport)),
  };
}

/** @param {KindSample} now @param {KindSample | undefined} before @param {number} seconds */
function sentMedia({ outbound, codecSent }, before, seconds) {
  if (!outbound) return undefined;
  const bits = rate(outbound.bytesSent, before && (before.outbound?.bytesSent ?? 0), seconds);
  return defined({
    frameWidth: outbound.frameWidth,
    frameHeight: outbound.frameHeight,
    framesPerSecond: outbound.framesPerSecond,
    bytesSent: outbound.bytesSent,
    bitrate: bits === undefined ? undefined : Math.round(bits * 8),
    codec: codecSent,
    ...known(outbound),
  });
}

/**
 * @param {KindSample} now
 * @param {KindSample | undefined} before
 * @param {number} seconds
 * @param {Record<string, any>} transport
 */
function receivedMedia(now, before, seconds, transport) {
  const { inbound, remoteInbound, codecReceived } = now;
  if (!inbound && !remoteInbound) return undefined;
  const bits = rate(inbound?.bytesReceived, before && (before.inbound?.bytesReceived ?? 0), seconds);
  const trip = remoteInbound?.roundTripTime ?? transport.currentRoundTripTime;
  return defined({
    frameWidth: inbound?.frameWidth,
    frameHeight: inbound?.frameHeight,
    framesPerSecond: inbound?.framesPerSecond ?? rate(inbound?.framesDecoded, before?.inbound?.framesDecoded, seconds),
    bytesReceived: inbound?.bytesReceived,
    bitrate: bits === undefined ? undefined : Math.round(bits * 8),
    delay: inbound && oneWayDelay(inbound, before?.inbound, trip),
    codec: codecReceived,
    ...known(inbound),
    roundTripTime: trip,
    remotePacketsLost: remoteInbound?.packetsLost,
    remoteFractionLost: remoteInbound?.fractionLost,
    remoteJitter: remoteInbound?.jitter,
  });
}

/**
 * Half the round trip, and what the receiver itself takes from the first packet to the picture: milliseconds.
 * @param {any} inbound
 * @param {any} before
 * @param {number | undefined} trip seconds
 */
function oneWayDelay(inbound, before, trip) {
  if (trip === undefined) return undefined;
  const processing = meanOf(inbound, before, "totalProcessingDelay", "framesDecoded");
  const buffered = meanOf(inbound, before, "jitterBufferDelay", "jitterBufferEmittedCount");
  return Math.round((trip / 2 + (processing ?? buffered ?? 0)) * 10_000) / 10;
}

/** Totals and means of one conversation, over every transport that it had. */
class Totals {
  /** @type {Sample | null} */
  last = null;
  /** @type {Record<string, Record<string, number>>} */
  #earlier = { video: {}, audio: {} };
  /** @type {Record<string, { trips: number[], jitters: number[] }>} */
  #means = { video: { trips: [], jitters: [] }, audio: { trips: [], jitters: [] } };

  /** @param {Sample} sample */
  add(sample) {
    this.last = sample;
    for (const kind of /** @type {const} */ (["video", "audio"])) {
      const { inbound, remoteInbound } = sample[kind];
      const trip = remoteInbound?.roundTripTime ?? (inbound && sample.transport.currentRoundTripTime);
      keepMean(this.#means[kind].trips, trip);
      keepMean(this.#means[kind].jitters, inbound?.jitter);
    }
  }

  /** The transport changes: counters start again. */
  carryOver() {
    for (const kind of /** @type {const} */ (["video", "audio"])) {
      this.#earlier[kind] = this.#counters(kind);
    }
    this.last = null;
  }

  /** @param {"video" | "audio"} kind @param {number} seconds connected */
  of(kind, seconds) {
    const counters = this.#counters(kind);
    if (Object.keys(counters).length === 0) return undefined;
    const sample = this.last?.[kind];
    const mean = (/** @type {number | undefined} */ total, factor = 1) =>
      total !== undefined && seconds > 0 ? Math.round(((total * factor) / seconds) * 10) / 10 : undefined;
    const bits = (/** @type {number | undefined} */ bytes) =>
      bytes !== undefined && seconds > 0 ? Math.round((bytes * 8) / seconds) : undefined;
    return defined({
      codec: sample?.codecReceived ?? sample?.codecSent,
      frameWidth: sample?.inbound?.frameWidth ?? sample?.outbound?.frameWidth,
      frameHeight: sample?.inbound?.frameHeight ?? sample?.outbound?.frameHeight,
      ...counters,
      meanBitrateSent: bits(counters.bytesSent),
      meanBitrateReceived: bits(counters.bytesReceived),
      meanFramesPerSecondSent: mean(counters.framesSent),
      meanFramesPerSecondReceived: mean(counters.framesReceived),
      meanRoundTripTime: meanValue(this.#means[kind].trips),
      meanJitter: meanValue(this.#means[kind].jitters),
    });
  }

  /** A simplified E-model (ITU-T G.107) from delay, jitter and loss; unknown where no round trip was measured. */
  get quality() {
    const { trips, jitters } = this.#means.video.trips.length > 0 ? this.#means.video : this.#means.audio;
    const trip = meanValue(trips);
    if (trip === undefined) return undefined;
    const [video, audio] = [this.#counters("video"), this.#counters("audio")];
    const sum = (/** @type {string} */ name) => (video[name] ?? 0) + (audio[name] ?? 0);
    const lost = Math.max(0, sum("packetsLost"));
    const loss = lost / Math.max(1, lost + sum("packetsReceived"));
    const delay = trip * 500 + (meanValue(jitters) ?? 0) * 2000 + 10; // ms, one way
    const rating = 93.2 - (delay < 160 ? delay / 40 : (delay - 120) / 10) - 250 * loss;
    const r = Math.min(Math.max(rating, 0), 100);
    const mos = 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r);
    return { mos: Math.round(Math.min(Math.max(mos, 1), 5) * 100) / 100, model: "e-model-simplified" };
  }

  get path() {
    const { localCandidateType: local, remoteCandidateType: remote, protocol, relayed } = this.last?.transport ?? {};
    return local || remote ? defined({ local, remote, protocol, relayed }) : undefined;
  }

  /** @param {"video" | "audio"} kind @returns {Record<string, number>} */
  #counters(kind) {
    const { outbound: sent, inbound: received, remoteInbound } = this.last?.[kind] ?? {};
    const now = defined({
      framesSent: sent?.framesSent,
      keyFramesSent: sent?.keyFramesEncoded,
      framesReceived: received?.framesReceived,
      bytesSent: sent?.bytesSent,
      bytesReceived: received?.bytesReceived,
      packetsSent: sent?.packetsSent,
      packetsReceived: received?.packetsReceived,
      packetsLost: received?.packetsLost,
      remotePacketsLost: remoteInbound?.packetsLost,
      retransmittedPacketsSent: sent?.retransmittedPacketsSent,
      nackCount: received?.nackCount,
      pliCount: received?.pliCount,
    });
    /** @type {Record<string, number>} */
    const total = { ...this.#earlier[kind] };
    for (const [name, value] of Object.entries(now)) total[name] = (total[name] ?? 0) + value;
    return total;
  }
}

/** `[sum, count]`, so that a long call costs no memory. @param {number[]} mean @param {number | undefined} value */
function keepMean(mean, value) {
  if (value === undefined || !Number.isFinite(value)) return;
  mean[0] = (mean[0] ?? 0) + value;
  mean[1] = (mean[1] ?? 0) + 1;
}

/** @param {number[]} mean */
const meanValue = ([sum, count]) => (count ? Math.round((sum / count) * 1e6) / 1e6 : undefined);

// -- a conversation ----------------------------------------

/** How a conversation ends for the inviter that was not accepted. @type {Record<string, string>} */
const END_OF_STATUS = { REJECTED: "rejected", BUSY: "user_busy", TIMEOUT: "invite_timeout" };

/**
 * What a conversation needs of the client that owns it.
 * @typedef {object} Host
 * @property {string} party
 * @property {Clock} clock
 * @property {RTCIceServer[]} iceServers
 * @property {() => Promise<void>} ready
 * @property {() => boolean} connected
 * @property {(to: string, message: object, expiry?: number) => Promise<Delivery>} publish
 * @property {() => void} renewConnection
 * @property {(conversation: Conversation, before: string) => void} onRenamed
 * @property {(conversation: Conversation) => void} onEnded
 */

/**
 * One call, from the invitation to `closed`. Made by `CallClient.call()` or handed over by its event `called`.
 * @extends {Emitter<ConversationEvents>}
 */
export class Conversation extends Emitter {
  #host;
  #options;
  /** @type {MediaStream | null} */
  #local = null;
  /** @type {Signal | null} */
  #invite = null;
  #deadlines = new Deadlines();
  /** The transport that carries the media. @type {Transport | null} */
  #current = null;
  /** The one that shall replace it. @type {{ transport: Transport, ours: boolean, answered: boolean } | null} */
  #renewal = null;
  #newest = 0;
  /** The network changed before there was an answer, with the first transport begun. */
  #moved = false;
  #remoteParty = "";
  /** @type {Set<string>} */
  #ringing = new Set();
  /** @type {{ party: string, candidate: Candidate | null }[]} */
  #early = [];
  #trickled = 0;
  #clockCorrected = false;
  #lost = false;
  #totals = new Totals();
  /** What the invitation was answered with, to be said again if it comes again. @type {Record<string, any> | null} */
  #answer = null;
  #told = false;
  #samples = 0;
  #silentSamples = 0;
  #sampling = false;
  /** @type {Sample | null} */
  #reported = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #sampler;
  /** @type {Record<string, number>} `performance.now()` of each thing that happened first */
  #marks = {};
  /** @type {Record<string, string>} */
  #times = {};
  #muted = { audio: false, video: false };
  /** @type {CallStatus | undefined} */
  #callStatus;
  /** @type {string | undefined} */
  #responseReason;
  /** @type {ConversationState} */
  #state;
  reconnects = 0;

  /**
   * @internal
   * @param {Host} host
   * @param {{ id: string, remoteUid: string, direction: Direction, userData?: any, invite?: Signal }} call
   * @param {CallOptions} options
   */
  constructor(host, call, options) {
    super();
    this.#host = host;
    this.#options = options;
    this.id = call.id;
    /** Who is called, or who calls: as the broker vouches for it, not as the message claims. */
    this.remoteUid = call.remoteUid;
    this.direction = call.direction;
    /** What the inviter sent along; from the network, so to be checked before it is shown. */
    this.userData = call.userData;
    /** What arrives. It stays the same object when the transport is renewed. */
    this.remoteStream = new MediaStream();
    this.#invite = call.invite ?? null;
    this.#remoteParty = call.invite?.party ?? "";
    this.#state = call.direction === "outgoing" ? "inviting" : "called";
    this.#mark("invited");
  }

  get state() {
    return this.#state;
  }

  get #ended() {
    return this.#state === "closed";
  }

  /** Whether the far side waits for a response of ours. */
  get #isAsked() {
    return this.direction === "incoming" && !this.#callStatus && !this.#ended;
  }

  /** Whether media flows over a transport that is about to be replaced, or not at all for the moment. */
  get degraded() {
    return this.#renewal !== null || this.#lost;
  }

  get muted() {
    return { ...this.#muted };
  }

  /**
   * @template {keyof ConversationEvents} Name
   * @param {Name} name
   * @param {ConversationEvents[Name]} detail
   * @returns {boolean}
   * @protected
   * @override
   */
  emit(name, detail) {
    if (this.#told) return false; // nothing follows `closed`
    this.#told = name === "closed";
    return super.emit(name, detail);
  }

  // What the application does

  /**
   * Answers an incoming call. The stream stays the caller's: it is not stopped at the end.
   * @param {MediaStream | null} [localStream]
   * @param {Pick<CallOptions, "audio" | "video" | "iceTransportPolicy" | "lipSync">} [options]
   */
  async accept(localStream = null, options = {}) {
    if (this.#state !== "called" || !this.#invite) return;
    Object.assign(this.#options, options);
    this.#local = localStream;
    this.#setState("connecting");
    this.#deadlines.clear("lifetime");
    this.#deadlines.set("setup", TIMING.setup, () => this.#setupExpired());
    let transport;
    try {
      transport = this.#current = this.#makeTransport(0);
      await transport.accept(this.#invite.sdp, this.#wanted());
    } catch (fault) {
      this.#cannotAnswer(fault);
      return;
    }
    if (this.#current !== transport || this.#ended) return;
    this.#answered("ACCEPTED");
    this.#respond({ callStatus: "ACCEPTED", sdp: transport.answer });
    this.emit("response", { callStatus: "ACCEPTED" });
    for (const { candidate: line } of this.#early.splice(0)) void transport.addCandidate(line);
    this.#adoptTracks(transport);
    this.#catchUp();
  }

  /** Declines an incoming call. @param {string} [reason] a short code */
  reject(reason = "rejected") {
    this.#refuse("REJECTED", reason, "rejected");
  }

  /**
   * Ends it: cancels an invitation, declines a call, hangs up. Harmless when it has ended.
   * @param {string} [reason]
   */
  close(reason = "user_hangup") {
    if (this.#isAsked) this.#refuse("REJECTED", reason === "user_hangup" ? "rejected" : reason, "rejected");
    else if (this.#callStatus) this.#endHere(reason);
    else this.#endHere(reason === "user_hangup" ? "cancelled" : reason);
  }

  /**
   * Stops or resumes what this side sends; a kind that is not named stays as it is.
   * @param {{ audio?: boolean, video?: boolean }} which
   */
  mute(which) {
    this.#muted = { audio: which.audio ?? this.#muted.audio, video: which.video ?? this.#muted.video };
    for (const track of this.#local?.getTracks() ?? []) this.#applyMute(track);
  }

  /**
   * Sends another track of a kind, or none. Takes effect at once where that kind was negotiated for sending.
   * @param {"audio" | "video"} kind
   * @param {MediaStreamTrack | null} track
   */
  async replaceTrack(kind, track) {
    this.#local ??= new MediaStream();
    for (const old of this.#local.getTracks()) if (old.kind === kind) this.#local.removeTrack(old);
    if (track) {
      this.#local.addTrack(track);
      this.#applyMute(track);
    }
    await Promise.all(this.#transports().map((transport) => transport.replaceTrack(kind, track)));
  }

  /** The first picture is shown. Found out without being told, but a video element knows it more exactly. */
  noteFirstFrame() {
    if (this.#state === "connecting" || this.#state === "connected") this.#mark("firstFrame");
  }

  // What the client does

  /** Sends the invitation. @internal @param {MediaStream | null} localStream */
  async start(localStream) {
    this.#local = localStream;
    this.#waitForAnswer();
    try {
      const transport = this.#makeTransport(0);
      this.#current = transport;
      await Promise.all([transport.offer(this.#wanted()), this.#host.ready()]);
    } catch (fault) {
      if (this.#state === "closed") return;
      this.emit("error", { code: "offer_failed", message: textOf(fault) });
      this.#end("unknown_reason", "local");
      return;
    }
    if (this.#state === "inviting") this.#sendInvite();
  }

  /** Asks the application about an incoming call. @internal @param {number} milliseconds */
  ring(milliseconds) {
    this.#deadlines.set("lifetime", milliseconds, () => this.#refuse("TIMEOUT", "no_answer", "invite_timeout"));
    this.#answer = { type: "ringing", expiresIn: Math.max(0, Math.round(milliseconds / 100) / 10) };
    void this.#send(this.#answer);
  }

  /** The same invitation came again: so does the answer. @internal */
  repeat() {
    if (this.#answer) void this.#send(this.#answer);
  }

  /** The whole message that answered the invitation. @internal */
  get lastAnswer() {
    return this.#answer?.type === "response" ? this.#signed(this.#answer) : null;
  }

  /** Takes a message of this conversation; what does not fit is ignored. @internal @param {Signal} message */
  handle(message) {
    if (this.#state === "closed" || !this.#isFarSide(message)) return this.#tellSelection(message);
    if (this.#deadlines.has("renewal")) this.#waitOn();
    switch (message.type) {
      case "ringing":
        return this.#onRinging(message);
      case "response":
        return this.#onResponse(message);
      case "select":
        return this.#onSelect(message);
      case "candidate":
        return this.#onCandidate(message);
      case "offer":
        return void this.#onOffer(message);
      case "answer":
        return this.#onAnswer(message);
      case "close":
        return this.#onClose(message);
      case "error":
        return this.#onError(message);
    }
  }

  /** The network changed: a fresh transport, if there is anything to carry over. @internal */
  networkChanged() {
    if (this.#renewal && !this.#renewal.ours) return;
    if (this.#current && !this.#callStatus) this.#moved = true;
    this.#renew("network_change");
  }

  /** Nothing can be renewed before it was accepted (PROTOCOL 2): what has changed until then is made up for now. */
  #catchUp() {
    if (this.#moved) this.#renew("network_change");
    this.#moved = false;
  }

  /** The page goes away: the last words, as far as they get. @internal */
  leave() {
    if (this.#state === "closed") return;
    if (this.#state === "called") return; // another client of the same name may still answer
    this.#sayClose(this.#callStatus ? "user_hangup" : "cancelled");
  }

  // Messages of the far side

  /** Another client of the same uid has no say in it. @param {Signal} message */
  #isFarSide({ party }) {
    return this.#remoteParty === "" || party === this.#remoteParty;
  }

  /**
   * A client of the same uid that accepts too late hears who was selected; a `close` would end the call for all of
   * them.
   * @param {Signal} message
   */
  #tellSelection({ type, callStatus }) {
    if (this.#state === "closed" || type !== "response" || callStatus !== "ACCEPTED") return;
    void this.#send({ type: "select", selectedParty: this.#remoteParty });
  }

  /** @param {Signal} message */
  #onRinging({ party, expiresIn }) {
    if (this.direction !== "outgoing" || this.#callStatus || this.#ringing.size >= 8) return;
    this.#ringing.add(party);
    if (this.#state === "inviting") this.#setState("ringing");
    this.emit("ringing", { expiresIn });
  }

  /** @param {Signal} message */
  #onResponse(message) {
    if (this.direction !== "outgoing" || this.#callStatus) return;
    const { callStatus, reason, party } = message;
    if (callStatus === "ACCEPTED") return this.#accepted(message);
    if (callStatus === "TIMEOUT" && reason === "expired" && message.now && !this.#clockCorrected) {
      return this.#inviteAgain(message.now);
    }
    this.#ringing.delete(party);
    if (this.#ringing.size > 0 && callStatus !== "REJECTED") return; // another client there still asks its person
    this.#answered(callStatus, reason);
    this.emit("response", present({ callStatus, reason }));
    this.#end(END_OF_STATUS[callStatus], "remote");
  }

  /** @param {Signal} message */
  #accepted({ party, sdp: description }) {
    const transport = /** @type {Transport} */ (this.#current);
    this.#remoteParty = party;
    this.#answered("ACCEPTED");
    this.#setState("connecting");
    this.#deadlines.clear("lifetime");
    this.#deadlines.set("setup", TIMING.setup, () => this.#endHere("ice_failed"));
    this.#send({ type: "select", selectedParty: party });
    const early = this.#early.splice(0).filter((held) => held.party === party);
    const applied = transport.applyAnswer(description);
    for (const { candidate: line } of early) void transport.addCandidate(line);
    this.emit("response", { callStatus: "ACCEPTED" });
    applied.then(() => this.#adoptTracks(transport)).catch((fault) => this.#unusable(fault));
    this.#catchUp();
  }

  /**
   * The far side says that our clock is wrong: it is set by theirs, and the call goes out once more.
   * @param {string} now
   */
  #inviteAgain(now) {
    this.#clockCorrected = true;
    this.#host.clock.correct(now);
    const before = this.id;
    this.id = uuid();
    this.#ringing.clear();
    this.#early = [];
    this.#trickled = 0;
    this.#host.onRenamed(this, before);
    this.#waitForAnswer();
    this.#setState("inviting");
    this.#sendInvite();
  }

  /** @param {Signal} message */
  #onSelect({ selectedParty }) {
    if (this.direction === "incoming" && selectedParty !== this.#host.party) this.#end("answered_elsewhere", "remote");
  }

  /** @param {Signal} message */
  #onCandidate({ party, candidate: line }) {
    const trickled = line && line.candidate ? line : null;
    if (!this.#callStatus) {
      if (this.#early.length < MAX_TRICKLED_CANDIDATES) this.#early.push({ party, candidate: trickled });
      return;
    }
    const newestFirst = this.#transports().reverse();
    const target = newestFirst.find((transport) => trickled && transport.matches(trickled)) ?? newestFirst[0];
    void target?.addCandidate(trickled);
  }

  /** A fresh transport, wanted by the far side. @param {Signal} message */
  async #onOffer({ generation: offered, sdp: description }) {
    if (!this.#callStatus || this.#callStatus !== "ACCEPTED" || offered > MAX_RENEWALS) return;
    const newest = this.#renewal?.transport ?? this.#current;
    if (newest && offered === newest.generation && newest.answer) return this.#sendAnswer(newest);
    if (offered <= (this.#current?.generation ?? 0)) return;
    if (this.#renewal && offered <= this.#renewal.transport.generation) {
      if (!this.#renewal.ours || this.direction === "outgoing") return; // the inviter's offer wins a collision
    }
    this.#dropRenewal();
    const transport = this.#beginRenewal(offered, false, "remote");
    try {
      await transport.accept(description, this.#wanted());
    } catch (fault) {
      this.emit("error", { code: "offer_unusable", message: textOf(fault) });
      return;
    }
    if (this.#renewal?.transport === transport) this.#sendAnswer(transport);
  }

  /** @param {Signal} message */
  #onAnswer({ generation: answered, sdp: description }) {
    const renewal = this.#renewal;
    if (!renewal?.ours || renewal.transport.generation !== answered) return;
    renewal.answered = true;
    renewal.transport
      .applyAnswer(description)
      .catch((fault) => this.emit("error", { code: "answer_unusable", message: textOf(fault) }));
  }

  /** @param {Signal} message */
  #onClose({ party, reason }) {
    const known = CLOSE_REASONS.includes(reason) ? reason : "unknown_reason";
    if (this.#callStatus) return this.#end(known, "remote");
    if (this.direction === "incoming") {
      return this.#end(known === "answered_elsewhere" ? known : "cancelled", "remote");
    }
    this.#ringing.delete(party);
    if (this.#ringing.size > 0) return;
    this.#answered("REJECTED", known); // a `close` instead of a response
    this.emit("response", { callStatus: "REJECTED", reason: known });
    this.#end("rejected", "remote");
  }

  /** @param {Signal} message */
  #onError({ code, message }) {
    this.emit("error", { code, message });
    if (this.#callStatus || this.direction === "incoming") return;
    this.#answered("REJECTED", code); // our invitation could not be used there: no answer will come
    this.emit("response", { callStatus: "REJECTED", reason: code });
    this.#end("rejected", "remote");
  }

  // The answer

  #waitForAnswer() {
    const lifetime = this.#lifetime * 1000 + TIMING.answerTravel;
    this.#deadlines.set("lifetime", lifetime, () => {
      if (!this.#host.connected()) {
        this.emit("error", { code: "broker_unreachable", message: "the broker could not be reached in time" });
      }
      this.#answered("TIMEOUT", "no_answer");
      this.#sayClose("invite_timeout");
      this.emit("response", { callStatus: "TIMEOUT", reason: "no_answer" });
      this.#end("invite_timeout", "local");
    });
  }

  get #lifetime() {
    return this.#options.lifetime ?? 30;
  }

  #sendInvite() {
    const { shareIceServers } = this.#options;
    const message = present({
      type: "invite",
      conversation: this.id,
      party: this.#host.party,
      sdp: this.#current?.describe(),
      sentAt: this.#host.clock.format(),
      lifetime: this.#lifetime,
      userData: this.userData,
      iceServers: shareIceServers && this.#host.iceServers.length > 0 ? this.#host.iceServers.slice(0, 10) : undefined,
    });
    void this.#deliver(message);
  }

  /**
   * The same invitation may come twice, but it must come once: a device that has lost its broker is soon back.
   * @param {Signal} invite
   */
  async #deliver(invite) {
    const delivery = await this.#host.publish(this.remoteUid, invite, this.#lifetime);
    const waits = this.#state === "inviting" && this.id === invite.conversation;
    if (delivery === "unheard" && waits) this.#deadlines.set("repeat", TIMING.repeat, () => void this.#deliver(invite));
  }

  /** @param {CallStatus} status @param {string} code @param {string} reason how the conversation ends */
  #refuse(status, code, reason) {
    if (!this.#isAsked) return;
    this.#answered(status, code);
    this.#respond({ callStatus: status, reason: code });
    this.emit("response", { callStatus: status, reason: code });
    this.#end(reason, "local");
  }

  /** @param {unknown} fault */
  #cannotAnswer(fault) {
    if (!this.#isAsked) return;
    this.emit("error", { code: "unusable_description", message: textOf(fault) });
    this.#refuse("REJECTED", "unusable_description", "unknown_reason");
  }

  /** @param {unknown} fault */
  #unusable(fault) {
    if (this.#state === "closed") return;
    this.emit("error", { code: "unusable_description", message: textOf(fault) });
    this.#endHere("unknown_reason");
  }

  /** @param {CallStatus} callStatus @param {string} [reason] */
  #answered(callStatus, reason) {
    this.#callStatus = callStatus;
    this.#responseReason = reason;
    this.#mark("answered");
  }

  // Sending

  /** @param {Record<string, any>} message */
  #send(message) {
    return this.#host.publish(this.remoteUid, this.#signed(message));
  }

  /** @param {Record<string, any>} message */
  #signed(message) {
    return { ...message, conversation: this.id, party: this.#host.party };
  }

  /** @param {Record<string, any>} answer */
  #respond(answer) {
    this.#answer = { type: "response", ...answer };
    void this.#send(this.#answer);
  }

  /**
   * By MQTT and by the data channel: the first to arrive counts (PROTOCOL 3).
   * @param {Record<string, any>} message
   */
  #sendBoth(message) {
    const text = JSON.stringify(this.#signed(message));
    for (const transport of this.#transports()) transport.send(text);
    return this.#send(message);
  }

  /** @param {string} reason */
  #sayClose(reason) {
    void this.#sendBoth({ type: "close", reason: CLOSE_REASONS.includes(reason) ? reason : "unknown_reason" });
  }

  /** @param {Transport} transport */
  #sendAnswer(transport) {
    void this.#sendBoth({ type: "answer", generation: transport.generation, sdp: transport.answer });
  }

  /**
   * The far side reads only so many, so each goes one way: by MQTT, or by the channel while there is no broker.
   * @param {(Candidate | null)[]} candidates
   */
  #trickle(candidates) {
    for (const line of candidates) {
      if (this.#trickled++ >= MAX_TRICKLED_CANDIDATES) return;
      const message = { type: "candidate", candidate: line };
      const text = JSON.stringify(this.#signed(message));
      if (this.#host.connected() || !this.#transports().some((transport) => transport.send(text)))
        void this.#send(message);
    }
  }

  // Transports

  /** @returns {Wanted} */
  #wanted() {
    return { audio: this.#options.audio ?? true, video: this.#options.video ?? true };
  }

  /** Those that exist, the newest last. @returns {Transport[]} */
  #transports() {
    return [this.#current, this.#renewal?.transport].filter(
      (transport) => transport !== null && transport !== undefined,
    );
  }

  /** @param {number} number */
  #makeTransport(number) {
    const configuration = {
      iceServers: [...this.#host.iceServers, ...(this.#invite?.iceServers ?? [])],
      iceTransportPolicy: this.#options.iceTransportPolicy ?? "all",
    };
    const hooks = {
      onCandidates: (/** @type {(Candidate | null)[]} */ candidates) => this.#trickle(candidates),
      onIce: () => this.#mark("ice"),
      onConnected: () => this.#onConnected(transport),
      onLost: (/** @type {string} */ detail) => this.#onLost(transport, detail),
      onLeft: () => this.#onLeft(transport),
      onMessage: (/** @type {string} */ text) => this.#onChannelMessage(text),
    };
    /** @type {Transport} */
    const transport = new Transport(number, configuration, this.#local, hooks, this.#options.lipSync ?? true);
    return transport;
  }

  /** @param {string} text */
  #onChannelMessage(text) {
    try {
      const message = parseSignal(text);
      const mayTravelHere = ["close", "offer", "answer", "candidate"].includes(message.type);
      if (mayTravelHere && message.conversation === this.id) this.handle(message);
    } catch (fault) {
      if (!(fault instanceof MalformedMessage)) reportFault(fault);
    }
  }

  /** @param {Transport} transport */
  #onConnected(transport) {
    if (transport === this.#renewal?.transport) {
      if (this.#state !== "connecting") return void this.#takeOver(transport);
      this.#moveTo(transport); // it was quicker than the first one
    }
    if (transport !== this.#current || this.#state !== "connecting") return;
    this.#mark("connected");
    this.#deadlines.clear("setup");
    this.#setState("connected");
    const { transport: fresh, ours } = this.#renewal ?? {};
    if (fresh) this.#degrade(ours ? "network_change" : "remote", fresh.generation);
    this.#sampler = setInterval(() => void this.#sample(), TIMING.sample);
    void this.#sample();
    void this.#awaitFirstFrame();
    if (transport.receives) this.#deadlines.set("media", TIMING.setup, () => this.#checkMedia());
  }

  /** @param {Transport} transport @param {string} detail */
  #onLost(transport, detail) {
    if (transport === this.#renewal?.transport) {
      if (!this.#deadlines.has("retry")) this.#deadlines.set("retry", TIMING.retry, () => this.#retry());
      return;
    }
    if (transport !== this.#current) return;
    if (this.#state === "connecting" && detail === "failed" && !this.#renewal) return this.#endHere("ice_failed");
    if (this.#state !== "connected") return;
    this.#lost = true;
    if (!this.#renewal && !this.#deadlines.has("goodbye")) this.#renew(detail);
  }

  /**
   * A last word, unless a `close` or a fresh offer follows. Who sends on has closed no more than the channel.
   * @param {Transport} transport
   */
  #onLeft(transport) {
    if (transport !== this.#current || this.#state !== "connected" || this.#deadlines.has("goodbye")) return;
    this.#deadlines.set("goodbye", TIMING.underWay, async () => {
      const before = await transport.received();
      const wait = TIMING.goodbye - TIMING.underWay;
      const expired = async () => this.#goodbyeExpired(transport, (await transport.received()) > before);
      if (transport === this.#current && this.#state === "connected") this.#deadlines.set("goodbye", wait, expired);
    });
  }

  /** @param {Transport} transport @param {boolean} sendsOn */
  #goodbyeExpired(transport, sendsOn) {
    if (sendsOn || transport !== this.#current || this.#ended) return;
    this.#lost = true;
    if (this.#renewal && (this.#renewal.answered || !this.#renewal.ours)) return; // it moves
    this.#sayClose("user_hangup");
    this.#end("user_hangup", "remote");
  }

  #checkMedia() {
    if (this.#state === "connected" && !this.#totals.last?.mediaReceived) this.#endHere("media_timeout");
  }

  #setupExpired() {
    if (this.#isAsked) this.#refuse("REJECTED", "setup_timeout", "out_of_resources");
    else this.#endHere("ice_failed");
  }

  // A fresh transport for the same conversation (PROTOCOL 2, `offer` and `answer`)

  /** @param {string} cause */
  #renew(cause) {
    if (this.#newest >= MAX_RENEWALS || this.#callStatus !== "ACCEPTED" || this.#ended) return;
    this.#dropRenewal();
    const transport = this.#beginRenewal(this.#newest + 1, true, cause);
    transport
      .offer(this.#wanted())
      .then(() => this.#sendOffer(transport))
      .catch((fault) => this.emit("error", { code: "offer_failed", message: textOf(fault) }));
    this.#deadlines.set("retry", TIMING.retry, () => this.#retry());
  }

  /** @param {number} number @param {boolean} ours @param {string} cause */
  #beginRenewal(number, ours, cause) {
    const wasDegraded = this.#deadlines.has("renewal");
    const transport = this.#makeTransport(number);
    this.#newest = Math.max(this.#newest, number);
    this.#renewal = { transport, ours, answered: false };
    this.#trickled = 0;
    if (!wasDegraded && this.#state === "connected") this.#degrade(cause, number);
    return transport;
  }

  /** @param {string} cause @param {number} generation */
  #degrade(cause, generation) {
    this.#waitOn();
    this.#deadlines.set("hold", TIMING.hold, () => this.#renewalExpired());
    this.emit("degraded", { cause, generation });
  }

  /** @param {Transport} transport */
  async #sendOffer(transport) {
    if (this.#renewal?.transport !== transport) return;
    const sent = this.#sendBoth({ type: "offer", generation: transport.generation, sdp: transport.describe() });
    const delivery = await Promise.race([sent, pause(TIMING.acknowledge)]);
    if (delivery === undefined && this.#renewal?.transport === transport) this.#host.renewConnection();
  }

  #retry() {
    if (this.#renewal?.ours && !this.#renewal.transport.connected) this.#renew("retry");
  }

  #dropRenewal() {
    this.#deadlines.clear("retry");
    this.#renewal?.transport.close();
    this.#renewal = null;
  }

  /** The far side speaks, so it is there, and only the path is not. */
  #waitOn() {
    this.#deadlines.set("renewal", TIMING.renewal, () => this.#renewalExpired());
  }

  #renewalExpired() {
    this.#dropRenewal();
    this.#deadlines.clear("renewal");
    this.#deadlines.clear("hold");
    if (this.#lost) this.#endHere("ice_timeout");
    else this.emit("restored", { generation: this.#current?.generation ?? 0 });
  }

  /**
   * The new transport is connected: it carries the media as soon as that arrives there.
   * @param {Transport} transport
   */
  async #takeOver(transport) {
    await this.#arriving(transport);
    if (this.#state !== "connected" || this.#renewal?.transport !== transport || !transport.connected) return;
    this.#totals.carryOver();
    this.#reported = null;
    this.#silentSamples = 0;
    this.#lost = false;
    this.reconnects += 1;
    this.#moveTo(transport);
    this.emit("restored", { generation: transport.generation });
  }

  /** @param {Transport} transport */
  #moveTo(transport) {
    const old = this.#current;
    this.#current = transport;
    this.#renewal = null;
    for (const name of ["renewal", "hold", "retry", "goodbye"]) this.#deadlines.clear(name);
    this.#adoptTracks(transport);
    old?.close();
  }

  /**
   * Waits, a second at most, until a track of `transport` gets packets: so the picture does not go black in between.
   * @param {Transport} transport
   */
  #arriving(transport) {
    const tracks = transport.pc.getReceivers().map(({ track }) => track);
    const video = tracks.find(({ kind }) => kind === "video") ?? tracks[0];
    if (!video?.muted || this.#lost) return Promise.resolve();
    return Promise.race([
      new Promise((resolve) => video.addEventListener("unmute", resolve, { once: true })),
      pause(1000),
    ]);
  }

  /** The tracks of `transport` become the conversation's. @param {Transport} transport */
  #adoptTracks(transport) {
    if (this.#state === "closed" || transport !== this.#current) return;
    const receiving = transport.pc
      .getTransceivers()
      .filter(({ currentDirection }) => /recv/.test(currentDirection ?? ""))
      .map(({ receiver }) => receiver);
    const old = this.remoteStream.getTracks();
    for (const { track } of receiving) this.remoteStream.addTrack(track);
    for (const track of old) this.remoteStream.removeTrack(track);
    const tracks = receiving.map((receiver) => present({ kind: receiver.track.kind, codec: codecOf(receiver) }));
    if (transport.generation === 0 && tracks.length > 0)
      this.emit("stream_received", { stream: this.remoteStream, tracks });
  }

  /** @param {MediaStreamTrack} track */
  #applyMute(track) {
    track.enabled = !this.#muted[/** @type {"audio" | "video"} */ (track.kind)];
  }

  // Statistics

  async #sample() {
    const transport = this.#current;
    if (!transport || this.#sampling) return;
    this.#sampling = true;
    try {
      const sample = readSample(await transport.pc.getStats(), performance.now());
      if (transport !== this.#current || this.#state === "closed") return;
      this.#watch(sample);
      this.#totals.add(sample);
      if (this.#samples++ % TIMING.samplesPerReport === 0) this.#report(sample);
    } catch {
      // The transport was closed while it was read.
    } finally {
      this.#sampling = false;
    }
  }

  /** @param {Sample} sample */
  #report(sample) {
    const before = this.#reported;
    this.#reported = sample;
    if (!before) return;
    const { local, remote } = makeReports(sample, before);
    this.emit("local_stats", local);
    this.emit("remote_stats", remote);
  }

  /** Nothing at all arrives any more, not even RTCP: noticed here long before ICE does. @param {Sample} sample */
  #watch(sample) {
    const before = this.#totals.last?.packetsReceived ?? 0;
    this.#silentSamples = sample.packetsReceived > before || before === 0 ? 0 : this.#silentSamples + 1;
    if (sample.packetsReceived > before) this.#lost = false;
    if (this.#silentSamples !== TIMING.stalledSamples || this.#renewal) return;
    this.#lost = true;
    this.#renew("media_stalled");
  }

  async #awaitFirstFrame() {
    for (
      let wait = Number(TIMING.firstFramePoll);
      this.#state === "connected" && !this.#marks.firstFrame;
      wait = Math.min(wait * 1.1, 1000)
    ) {
      const receiver = this.#current?.pc.getReceivers().find(({ track }) => track.kind === "video");
      if (!receiver) return;
      let frames = 0;
      (await receiver.getStats()).forEach((entry) => (frames = Math.max(frames, entry.framesDecoded ?? 0)));
      if (frames > 0) return this.noteFirstFrame();
      await pause(wait);
    }
  }

  // The end

  /** Ends it from this side, and says so. @param {string} reason */
  #endHere(reason) {
    if (this.#state === "closed") return;
    this.#sayClose(reason);
    this.#end(reason, "local");
  }

  /** The only way to `closed`. @param {string} reason @param {Side} closedBy */
  #end(reason, closedBy) {
    if (this.#state === "closed") return;
    this.#mark("ended");
    this.#deadlines.clearAll();
    clearInterval(this.#sampler);
    this.#setState("closed");
    void this.#finish(reason, closedBy);
  }

  /** @param {string} reason @param {Side} closedBy */
  async #finish(reason, closedBy) {
    const transport = this.#current;
    try {
      if (transport?.connected) await Promise.race([this.#lastSample(transport), pause(TIMING.lastSample)]);
    } finally {
      this.#dropRenewal();
      transport?.close();
      for (const track of this.remoteStream.getTracks()) this.remoteStream.removeTrack(track);
      this.#host.onEnded(this);
      this.emit("closed", this.#record(reason, closedBy));
    }
  }

  /** @param {Transport} transport */
  async #lastSample(transport) {
    await Promise.allSettled(transport.pc.getSenders().map((sender) => sender.replaceTrack(null)));
    try {
      this.#totals.add(readSample(await transport.pc.getStats(), performance.now()));
    } catch {
      // What was read a second ago stands.
    }
  }

  /** @param {string} reason @param {Side} closedBy @returns {CallRecord} */
  #record(reason, closedBy) {
    const { invited, answered, ice, connected, firstFrame, ended } = this.#marks;
    const since = (/** @type {number | undefined} */ mark) =>
      mark === undefined ? undefined : Math.round(mark - invited);
    const duration = connected === undefined ? 0 : Math.round(ended - connected) / 1000;
    return /** @type {CallRecord} */ (
      defined({
        conversation: this.id,
        remoteUid: this.remoteUid,
        direction: this.direction,
        reason,
        closedBy,
        callStatus: this.#callStatus,
        responseReason: this.#responseReason,
        invitedAt: this.#times.invited,
        answeredAt: this.#times.answered,
        connectedAt: this.#times.connected,
        endedAt: this.#times.ended,
        duration,
        setup: defined({
          response: since(answered),
          ice: since(ice),
          dtls: since(connected),
          firstFrame: since(firstFrame),
        }),
        path: this.#totals.path,
        reconnects: this.reconnects,
        video: this.#totals.of("video", duration),
        audio: this.#totals.of("audio", duration),
        quality: this.#totals.quality,
      })
    );
  }

  /** @param {string} name */
  #mark(name) {
    this.#marks[name] ??= performance.now();
    this.#times[name] ??= this.#host.clock.format();
  }

  /** @param {ConversationState} state */
  #setState(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.emit("state", { state });
  }
}

// -- the client ----------------------------------------

/**
 * One party on the broker: places calls, and is called. One instance for a page.
 * @extends {Emitter<ClientEvents>}
 */
export class CallClient extends Emitter {
  #options;
  #link;
  #clock = new Clock();
  /** @type {Map<string, Conversation>} */
  #conversations = new Map();
  /**
   * Answers of calls that ended, for an invitation that comes again.
   * @type {Map<string, { remoteUid: string, answer: object | null }>}
   */
  #remembered = new Map();
  /** @type {Map<string, Device>} */
  #devices = new Map();
  #complaints = { since: 0, count: 0 };
  /** @type {(() => void)[]} */
  #stopWatching = [];
  /** @type {ConnectionState} */
  #state = "stopped";
  #deadlines = new Deadlines();
  /** Devices whose status was not heard since the last connect. @type {Set<string>} */
  #unconfirmed = new Set();

  /** @param {CallClientOptions} options */
  constructor(options) {
    super();
    const { uid, token, password = token, prefix = DEFAULT_PREFIX, party = uuid() } = options;
    if (!isUid(uid)) throw new TypeError(`uid: ${JSON.stringify(uid)} must match [A-Za-z0-9][A-Za-z0-9_.-]{0,63}`);
    if (partyId(party)) throw new TypeError(`party: ${partyId(party)}`);
    if (!prefix || /[#+\0]|^\/|\/$|\/\//.test(prefix)) throw new TypeError(`prefix: ${prefix} is not a topic`);
    const connect = options.connect ?? /** @type {any} */ (globalThis).mqtt?.connect;
    if (!connect) throw new TypeError("connect: MQTT.js is not loaded, and no `connect` was given");
    this.#options = { ...options, prefix };
    this.uid = uid;
    this.prefix = prefix;
    this.party = party;
    const username = options.username ?? (password === undefined ? undefined : uid);
    this.#link = new Link({
      connect,
      url: brokerUrl(options.broker),
      mqttOptions: {
        ...defined({ username, password }),
        clientId: `callbox-${party}`,
        keepalive: options.keepalive ?? 60,
        ...options.mqttOptions,
      },
      required: [`${prefix}/${uid}/signal/+`],
      desired: options.presence === false ? [] : [`${prefix}/+/status`, `${prefix}/+/about`],
      onMessage: (topic, payload, retained) => this.#onMessage(topic, payload, retained),
      onState: (state, code, message) => this.#onState(state, code, message),
      urgent: () => this.#conversations.size > 0,
    });
  }

  /** Whether there is a broker. */
  get connectionState() {
    return this.#state;
  }

  /** Devices by uid, as their `status` and `about` say. */
  get devices() {
    return new Map(this.#devices);
  }

  /** Conversations that have not ended. */
  get conversations() {
    return [...this.#conversations.values()];
  }

  /** Connects, and stays connected until `stop()`. Resolves with the first connection. */
  async start() {
    if (this.#state === "stopped") {
      this.#watchPage();
      this.#link.start();
    }
    await this.#link.ready();
  }

  /** Ends every conversation and disconnects; nothing arrives any more. */
  async stop() {
    for (const conversation of this.conversations) conversation.close();
    for (const stop of this.#stopWatching.splice(0)) stop();
    this.#deadlines.clearAll();
    await this.#link.stop();
  }

  /**
   * Invites `remoteUid`. Listen on the conversation at once: its events come later than this returns.
   * Throws TypeError for options that cannot be sent, Error where there is no room for one more conversation.
   * @param {string} remoteUid
   * @param {MediaStream | null} [localStream] stays the caller's: it is not stopped at the end
   * @param {CallOptions} [options]
   * @returns {Conversation}
   */
  call(remoteUid, localStream = null, options = {}) {
    if (!isUid(remoteUid)) throw new TypeError(`remoteUid: ${JSON.stringify(remoteUid)} is no uid`);
    if (remoteUid === this.uid) throw new TypeError("remoteUid: one cannot call oneself");
    const data = options.userData ?? options.data;
    const fault = optional(userData)(data) ?? optional(number(1, 120))(options.lifetime);
    if (fault) throw new TypeError(`options: ${fault}`);
    if (this.#isFull) throw new Error(`there is room for ${this.#maxConversations} conversation(s) only`);
    const call = { id: uuid(), remoteUid, direction: /** @type {const} */ ("outgoing"), userData: data };
    const conversation = new Conversation(this.#host(), call, { ...options });
    this.#conversations.set(conversation.id, conversation);
    void conversation.start(localStream);
    return conversation;
  }

  get #maxConversations() {
    return this.#options.maxConversations ?? 1;
  }

  get #isFull() {
    return this.#conversations.size >= this.#maxConversations;
  }

  /** @returns {Host} */
  #host() {
    return {
      party: this.party,
      clock: this.#clock,
      iceServers: this.#options.iceServers ?? [],
      ready: () => this.#link.ready(),
      connected: () => this.#link.connected,
      publish: (to, message, expiry) => this.#link.publish(`${this.prefix}/${to}/signal/${this.uid}`, message, expiry),
      renewConnection: () => this.#link.renew(),
      onRenamed: (conversation, before) => {
        this.#conversations.delete(before);
        this.#conversations.set(conversation.id, conversation);
      },
      onEnded: (conversation) => {
        this.#conversations.delete(conversation.id);
        this.#remember(conversation.id, conversation.remoteUid, conversation.lastAnswer);
      },
    };
  }

  // What arrives

  /** @param {string} topic @param {Uint8Array} payload @param {boolean} retained */
  #onMessage(topic, payload, retained) {
    try {
      if (!topic.startsWith(`${this.prefix}/`)) return;
      const levels = topic.slice(this.prefix.length + 1).split("/");
      if (levels.length === 3 && levels[1] === "signal" && levels[0] === this.uid && !retained) {
        this.#onSignal(levels[2], payload);
      } else if (levels.length === 2 && (levels[1] === "status" || levels[1] === "about")) {
        this.#onPresence(levels[0], levels[1], payload);
      }
    } catch (fault) {
      reportFault(fault); // ours: whatever a sender can do wrong has been dealt with
    }
  }

  /** @param {string} from @param {Uint8Array} payload */
  #onSignal(from, payload) {
    if (!isUid(from) || from === this.uid) return;
    let message;
    try {
      message = parseSignal(payload);
    } catch (fault) {
      if (!(fault instanceof MalformedMessage)) throw fault;
      this.#complain(from, fault);
      return;
    }
    if (message.type === "invite") return this.#onInvite(from, message);
    const conversation = this.#conversations.get(message.conversation);
    if (conversation?.remoteUid === from) conversation.handle(message);
    else if (message.type === "error") this.emit("error", { code: message.code, message: message.message });
  }

  /** @param {string} from @param {Signal} message */
  #onInvite(from, message) {
    const { conversation: id, party, lifetime = 30, sentAt } = message;
    const inUse = this.#conversations.get(id) ?? this.#remembered.get(id);
    if (inUse && inUse.remoteUid !== from) return this.#answer(from, id, "REJECTED", "conversation_in_use");
    if (inUse instanceof Conversation) return inUse.repeat();
    if (inUse) return inUse.answer ? void this.#publish(from, inUse.answer) : undefined;
    const full = lifetime * 1000;
    const left = this.#clock.plausible ? Date.parse(sentAt) + full - this.#clock.now() : full;
    if (left < -TIMING.clockSkew) {
      return this.#answer(from, id, "TIMEOUT", "expired", { now: this.#clock.format() });
    }
    if (this.#isFull) return this.#answer(from, id, "BUSY", "busy");
    const call = { id, remoteUid: from, direction: /** @type {const} */ ("incoming"), userData: message.userData };
    const conversation = new Conversation(this.#host(), { ...call, invite: { ...message, party } }, {});
    this.#conversations.set(id, conversation);
    conversation.ring(Math.min(full, left + TIMING.clockSkew));
    if (!this.emit("called", conversation)) conversation.reject("unavailable");
  }

  /** @param {string} uid @param {"status" | "about"} what @param {Uint8Array} payload */
  #onPresence(uid, what, payload) {
    if (!isUid(uid) || (!this.#devices.has(uid) && this.#devices.size >= MAX_DEVICES)) return;
    if (what === "status") this.#unconfirmed.delete(uid);
    const device = { ...(this.#devices.get(uid) ?? { uid }) };
    const value = payload.byteLength > 0 ? presenceOf(what, payload) : undefined;
    if (payload.byteLength > 0 && !value) return;
    if (value) Object.assign(device, { [what]: value });
    else delete device[what];
    if (device.status || device.about) this.#devices.set(uid, device);
    else this.#devices.delete(uid);
    this.emit("presence", device);
  }

  /** @param {ConnectionState} state @param {string} [code] @param {string} [message] */
  #onState(state, code, message) {
    this.#state = state;
    if (state === "connected") this.#confirmPresence();
    this.emit("connection", present({ state, code, message }));
  }

  /** A broker that was restarted may have forgotten a device that has gone. */
  #confirmPresence() {
    this.#unconfirmed = new Set(this.#devices.keys());
    this.#deadlines.set("presence", TIMING.confirmPresence, () => {
      for (const uid of this.#unconfirmed) {
        this.#devices.delete(uid);
        this.emit("presence", { uid });
      }
    });
  }

  // What goes out

  /** @param {string} to @param {object} message */
  #publish(to, message) {
    return this.#link.publish(`${this.prefix}/${to}/signal/${this.uid}`, message);
  }

  /**
   * An answer without a conversation.
   * @param {string} to
   * @param {string} id
   * @param {CallStatus} callStatus
   * @param {string} reason
   * @param {object} [more]
   */
  #answer(to, id, callStatus, reason, more = {}) {
    const answer = { type: "response", conversation: id, party: this.party, callStatus, reason, ...more };
    if (reason !== "conversation_in_use") this.#remember(id, to, answer);
    void this.#publish(to, answer);
  }

  /**
   * Tells a sender what was wrong, ten times in ten seconds at most, and never in answer to an `error`.
   * @param {string} to
   * @param {MalformedMessage} fault
   */
  #complain(to, { type, code, message, conversation }) {
    this.emit("error", { code, message: `from ${to}: ${message}` });
    const now = performance.now();
    if (now - this.#complaints.since > 10_000) this.#complaints = { since: now, count: 0 };
    if (type === "error" || this.#complaints.count++ >= 10) return;
    void this.#publish(to, { type: "error", conversation, party: this.party, code, message });
  }

  /** @param {string} id @param {string} remoteUid @param {object | null} answer */
  #remember(id, remoteUid, answer) {
    this.#remembered.set(id, { remoteUid, answer });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED) this.#remembered.delete(oldest);
  }

  // The page around it

  #watchPage() {
    const listen = (/** @type {any} */ target, /** @type {string} */ name, /** @type {() => void} */ action) => {
      target?.addEventListener?.(name, action);
      this.#stopWatching.push(() => target?.removeEventListener?.(name, action));
    };
    const network = /** @type {any} */ (globalThis.navigator)?.connection;
    let kind = network?.type;
    listen(globalThis, "pagehide", () => this.conversations.forEach((conversation) => conversation.leave()));
    listen(globalThis, "online", () => this.#networkChanged());
    listen(network, "change", () => {
      if (network.type === kind) return; // only its estimates changed
      kind = network.type;
      this.#networkChanged();
    });
  }

  #networkChanged() {
    this.#link.renew();
    for (const conversation of this.conversations) conversation.networkChanged();
  }
}

/** @param {"status" | "about"} what @param {Uint8Array} payload */
function presenceOf(what, payload) {
  try {
    const value = readObject(payload);
    return what === "about" || value.state === "online" || value.state === "offline" ? value : undefined;
  } catch {
    return undefined; // whoever publishes nonsense is shown as absent
  }
}
