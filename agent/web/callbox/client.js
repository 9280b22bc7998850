// @ts-check
/** One party on the broker: places calls, and is called. */

import { Clocks } from "./clock.js";
import { Conversation } from "./conversation.js";
import { Emitter, reportFault } from "./emitter.js";
import { CallError } from "./errors.js";
import { brokerUrl, Link } from "./link.js";
import { watchPage } from "./page-events.js";
import { Presence } from "./presence.js";
import { number, oneOf, optional, partyId, userData } from "./protocol/checks.js";
import { MalformedMessage } from "./protocol/malformed.js";
import { parseSignal } from "./protocol/messages.js";
import { IncomingCall } from "./rules/incoming.js";
import { CALL_TIMING } from "./rules/machine.js";
import { OutgoingCall } from "./rules/outgoing.js";
import { CallRegistry } from "./rules/registry.js";
import { inputOf, messageOf } from "./signals.js";
import { defined, present, uuid } from "./values.js";
import { isUid, PURPOSES } from "./vocabulary.js";

export const DEFAULT_PREFIX = "callbox/v1";
/** The remote peer says TIMEOUT itself; so many seconds later we do. */
const TIMING = Object.freeze({ ...CALL_TIMING, answerTravel: 2 });
/** A sender is told what was wrong so often in so many milliseconds. */
const COMPLAINTS = Object.freeze({ count: 10, period: 10_000 });
/** In statements about an effect that no message comes of. */
const NO_MEDIA = Object.freeze({ audio: false, video: false });

/**
 * @typedef {import("./conversation.js").CallOptions} CallOptions
 * @typedef {import("./link.js").ConnectionState} ConnectionState
 * @typedef {import("./presence.js").Device} Device
 * @typedef {import("./rules/machine.js").Effect} Effect
 * @typedef {import("./signals.js").Signal} Signal
 *
 * @typedef {object} ClientEvents
 * @property {[Conversation]} called
 * @property {[{ state: ConnectionState, code?: string, message?: string }]} connection
 * @property {[Device]} presence a device's `status` or `about` changed; with neither it was removed
 * @property {[CallError]} error
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
 * @property {number} [maxViewers] who may look at this side at once, if the application accepts it;
 *   0 by default
 * @property {boolean} [presence] whether to follow the devices' `status` and `about`; true by
 *   default
 * @property {number} [keepalive] seconds, 60 by default
 * @property {Record<string, any>} [mqttOptions] passed on to MQTT.js
 * @property {(url: string, options: any) => any} [connect] MQTT.js's `connect`; the global
 *   `mqtt.connect` by default
 */

/** The names of a client's events. */
export const CLIENT_EVENTS = Object.freeze(["called", "connection", "presence", "error"]);

/** @returns {number} seconds of a clock that never goes back */
const monotonic = () => performance.now() / 1000;

/**
 * Places calls, and is called. One instance for a page.
 * @extends {Emitter<ClientEvents>}
 */
export class CallClient extends Emitter {
  #options;
  #link;
  #clocks = new Clocks();
  #registry;
  /** By their ids on the wire. @type {Map<string, Conversation>} */
  #conversations = new Map();
  #presence = new Presence((device) => this.emit("presence", device));
  #complaints = { since: 0, count: 0 };
  #stopWatching = () => {};
  /** @type {ConnectionState} */
  #state = "stopped";

  /** @param {CallClientOptions} options */
  constructor(options) {
    super(CLIENT_EVENTS);
    const { uid, token, password = token, prefix = DEFAULT_PREFIX, party = uuid() } = options;
    if (!isUid(uid)) {
      throw new TypeError(`uid: ${JSON.stringify(uid)} must match [A-Za-z0-9][A-Za-z0-9_.-]{0,63}`);
    }
    if (partyId(party)) throw new TypeError(`party: ${partyId(party)}`);
    if (!prefix || /[#+\0]|^\/|\/$|\/\//.test(prefix))
      throw new TypeError(`prefix: ${prefix} is not a topic`);
    const connect = options.connect ?? /** @type {any} */ (globalThis).mqtt?.connect;
    if (!connect) throw new TypeError("connect: MQTT.js is not loaded, and no `connect` was given");
    this.#options = { ...options, prefix };
    this.#registry = new CallRegistry(options.maxConversations, options.maxViewers ?? 0);
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
    return new Map(this.#presence.devices);
  }

  /** Conversations that have not ended. */
  get conversations() {
    return [...this.#conversations.values()];
  }

  /** Connects, and stays connected until `stop()`. Resolves with the first connection. */
  async start() {
    if (this.#state === "stopped") {
      this.#stopWatching = watchPage({
        onLeave: () => this.conversations.forEach((conversation) => conversation.leave()),
        onNetworkChange: () => this.#networkChanged(),
      });
      this.#link.start();
    }
    await this.#link.ready();
  }

  /** Ends every conversation and disconnects; nothing arrives any more. */
  async stop() {
    for (const conversation of this.conversations) conversation.close();
    this.#stopWatching();
    this.#presence.stop();
    await this.#link.stop();
  }

  /**
   * Invites `remoteUid`. Listen on the conversation at once: its events come later than this
   * returns.
   * Throws TypeError for options that cannot be sent, Error where there is no room for one more
   * conversation.
   * @param {string} remoteUid
   * @param {MediaStream | null} [localStream] stays the caller's: it is not stopped at the end
   * @param {CallOptions | string} [options] a string is `userData`
   * @returns {Conversation}
   */
  call(remoteUid, localStream = null, options = {}) {
    const chosen = typeof options === "string" ? { userData: options } : { ...options };
    if (!isUid(remoteUid)) throw new TypeError(`remoteUid: ${JSON.stringify(remoteUid)} is no uid`);
    if (remoteUid === this.uid) throw new TypeError("remoteUid: one cannot call oneself");
    const { lifetime = 30, userData: data = chosen.data, purpose = "talk" } = chosen;
    const fault =
      optional(userData)(data) ?? number(1, 120)(lifetime) ?? oneOf(PURPOSES)(purpose);
    if (fault) throw new TypeError(`options: ${fault}`);
    if (purpose === "talk" && (this.#registry.busy || this.#registry.ringing)) {
      throw new Error(`there is room for ${this.#registry.maxConversations} conversation(s) only`);
    }
    const plan = { targets: [remoteUid], lifetime, userData: data, purpose, secondId: uuid() };
    const rules = new OutgoingCall(uuid(), this.party, plan, TIMING, monotonic());
    const conversation = this.#add(rules, chosen);
    conversation.start(localStream);
    return conversation;
  }

  /** @param {IncomingCall | OutgoingCall} rules @param {CallOptions} options */
  #add(rules, options) {
    const host = {
      party: this.party,
      clock: this.#clocks.of(rules.remoteUid),
      iceServers: this.#options.iceServers ?? [],
      ready: () => this.#link.ready(),
      connected: () => this.#link.connected,
      publish: this.#publish.bind(this),
      renewConnection: () => this.#link.renew(),
      onRenamed: (/** @type {string} */ before) => {
        this.#registry.rename(rules, before, monotonic());
        this.#conversations.delete(before);
        this.#conversations.set(conversation.id, conversation);
      },
      mayTalk: () => !this.#registry.busy && !this.#registry.ringing,
      onAccepted: () => {
        const lost = this.#registry.displacedBy(rules);
        if (lost) this.#conversations.get(lost.signaledAs)?.close("replaced");
      },
      onEnded: () => {
        this.#conversations.delete(conversation.id);
        this.#registry.remove(rules, monotonic());
      },
    };
    const conversation = new Conversation(host, rules, options);
    this.#registry.add(rules, "turnedAway" in rules && rules.turnedAway);
    this.#conversations.set(conversation.id, conversation);
    return conversation;
  }

  // What arrives

  /** @param {string} topic @param {Uint8Array} payload @param {boolean} retained */
  #onMessage(topic, payload, retained) {
    try {
      if (!topic.startsWith(`${this.prefix}/`)) return;
      const [first, second, third, ...more] = topic.slice(this.prefix.length + 1).split("/");
      if (more.length > 0) return;
      if (second === "signal" && third && first === this.uid && !retained)
        this.#onSignal(third, payload);
      const isPresence = second === "status" || second === "about";
      if (isPresence && third === undefined) this.#presence.take(first, second, payload);
    } catch (fault) {
      // Ours: whatever a sender can do wrong has been dealt with.
      reportFault(fault);
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
    if (conversation) {
      if (conversation.remoteUid === from) conversation.handle(message);
    } else this.#onStray(from, message);
  }

  /** A message of no conversation that there is. @param {string} from @param {Signal} message */
  #onStray(from, message) {
    const { type, conversation: id, code, message: text } = message;
    if (type === "error") this.emit("error", new CallError(code, text));
    if (type === "close") this.#registry.unknownClose(id, from, monotonic());
    if (type !== "response" && type !== "ringing") return;
    const input = /** @type {import("./rules/machine.js").Input} */ (
      inputOf(from, message, NO_MEDIA)
    );
    this.#send(from, id, this.#registry.unknownResponse(id, input));
  }

  /** @param {string} from @param {Signal} message */
  #onInvite(from, message) {
    const { conversation: id, party, sdp, lifetime = 30, sentAt, iceServers, purpose } = message;
    const clock = this.#clocks.of(from);
    const age = clock.plausible ? (clock.now() - Date.parse(sentAt)) / 1000 : null;
    const about = { conversation: id, caller: from, party, sdp, lifetime, age };
    const invitation = { ...about, userData: message.userData, iceServers, purpose };
    const { admission, effects } = this.#registry.admit(invitation, monotonic());
    if (admission !== "new") return this.#send(from, id, effects);
    // a person is asked about one call at a time
    const decision = this.#registry.ringing
      ? { action: /** @type {const} */ ("busy"), reason: "busy" }
      : this.#registry.decide({ action: "ring" }, purpose);
    const rules = new IncomingCall(invitation, this.party, TIMING, monotonic(), decision);
    const conversation = this.#add(rules, {});
    conversation.start();
    if (!rules.turnedAway && !this.emit("called", conversation)) conversation.reject("unavailable");
  }

  /** @param {ConnectionState} state @param {string} [code] @param {string} [message] */
  #onState(state, code, message) {
    this.#state = state;
    if (state === "connected") this.#presence.confirm();
    this.emit("connection", present({ state, code, message }));
  }

  #networkChanged() {
    this.#link.renew();
    for (const conversation of this.conversations) conversation.networkChanged();
  }

  // What goes out

  /** @param {string} to @param {object} message @param {number} [expiry] seconds */
  #publish(to, message, expiry) {
    return this.#link.publish(`${this.prefix}/${to}/signal/${this.uid}`, message, expiry);
  }

  /**
   * Answers without a conversation.
   * @param {string} to
   * @param {string} id
   * @param {Effect[]} effects
   */
  #send(to, id, effects) {
    for (const effect of effects) {
      void this.#publish(to, messageOf(effect, id, this.party, this.#clocks.of(to)));
    }
  }

  /**
   * Tells a sender what was wrong, ten times in ten seconds at most, and never in answer to an
   * `error`.
   * @param {string} to
   * @param {MalformedMessage} fault
   */
  #complain(to, { type, code, message, conversation }) {
    this.emit("error", new CallError(code, `from ${to}: ${message}`));
    const now = performance.now();
    if (now - this.#complaints.since > COMPLAINTS.period)
      this.#complaints = { since: now, count: 0 };
    if (type === "error" || this.#complaints.count++ >= COMPLAINTS.count) return;
    void this.#publish(to, { type: "error", conversation, party: this.party, code, message });
  }
}
