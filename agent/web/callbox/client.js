// @ts-check
/** One party on the broker: places calls, and is called. */

import { CLIENT_EVENTS } from "./client-events.js";
import { checkCall, checkOptions, DEFAULT_PREFIX, loginOf } from "./client-options.js";
import { Clocks } from "./clock.js";
import { Complaints } from "./complaints.js";
import { Conversation } from "./conversation.js";
import { DoorRequests } from "./door-requests.js";
import { Emitter, reportFault } from "./emitter.js";
import { CallError } from "./errors.js";
import { Household } from "./household.js";
import { brokerUrl, Link } from "./link.js";
import { watchPage } from "./page-events.js";
import { Presence } from "./presence.js";
import { MalformedMessage } from "./protocol/malformed.js";
import { parseSignal } from "./protocol/messages.js";
import { IncomingCall } from "./rules/incoming.js";
import { CALL_TIMING } from "./rules/machine.js";
import { OutgoingCall } from "./rules/outgoing.js";
import { CallRegistry } from "./rules/registry.js";
import { inputOf, messageOf } from "./signals.js";
import { present, uuid } from "./values.js";
import { isUid } from "./vocabulary.js";

/** The remote peer says TIMEOUT itself; so many seconds later we do. */
const TIMING = Object.freeze({ ...CALL_TIMING, answerTravel: 2 });
/** In statements about an effect that no message comes of. */
const NO_MEDIA = Object.freeze({ audio: false, video: false });

/**
 * @typedef {import("./client-options.js").CallClientOptions} CallClientOptions
 * @typedef {import("./client-events.js").ClientEvents} ClientEvents
 * @typedef {import("./conversation.js").CallOptions} CallOptions
 * @typedef {import("./link.js").ConnectionState} ConnectionState
 * @typedef {import("./presence.js").Device} Device
 * @typedef {import("./rules/machine.js").Effect} Effect
 * @typedef {import("./signals.js").Signal} Signal
 */

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
  /** Invitations that the application was told of. @type {WeakSet<Conversation>} */
  #shown = new WeakSet();
  #presence = new Presence((device) => this.emit("presence", device));
  #complaints = new Complaints();
  #doors;
  #stopWatching = () => {};
  /** @type {ConnectionState} */
  #state = "stopped";

  /** @param {CallClientOptions} options */
  constructor(options) {
    super(CLIENT_EVENTS);
    const { uid, prefix = DEFAULT_PREFIX, party = uuid() } = options;
    const connect = checkOptions({ ...options, party, prefix });
    this.#options = { ...options, prefix };
    this.#registry = new CallRegistry(options.maxConversations, options.maxViewers ?? 0);
    this.uid = uid;
    this.prefix = prefix;
    this.party = party;
    const { login, asked } = loginOf(options);
    this.#link = new Link({
      connect,
      url: brokerUrl(options.broker),
      mqttOptions: {
        ...login,
        clientId: `callbox-${party}`,
        keepalive: options.keepalive ?? 60,
        ...options.mqttOptions,
      },
      required: [`${prefix}/${uid}/signal/+`],
      desired: options.presence === false ? [] : [`${prefix}/+/status`, `${prefix}/+/about`],
      onMessage: (topic, payload, retained) => this.#onMessage(topic, payload, retained),
      onState: (state, code, message) => this.#onState(state, code, message),
      urgent: () => this.#conversations.size > 0,
      password: asked,
    });
    const clockOf = (/** @type {string} */ each) => this.#clocks.of(each);
    this.#doors = new DoorRequests({ party, clockOf, publish: this.#publish.bind(this) });
    /** The devices of one's own, as far as the broker lets this side operate them. */
    this.household = new Household({ prefix, clockOf, link: this.#link }, (each) =>
      this.emit("household", each),
    );
  }

  /** Whether there is a broker. */
  get connectionState() {
    return this.#state;
  }

  /** Devices by uid, as their `status` and `about` say. */
  get devices() {
    return this.#presence.snapshot;
  }

  /** Conversations that have not ended. */
  get conversations() {
    return [...this.#conversations.values()];
  }

  /** Stays connected until `stop()`. Resolves with a connection, rejects with a first refusal. */
  async start() {
    if (this.#state === "stopped") {
      this.#stopWatching = watchPage({
        onLeave: () => this.conversations.forEach((conversation) => conversation.leave()),
        onReturn: () => this.#link.retry(),
        onNetworkChange: () => this.#networkChanged(),
      });
      this.#link.start();
    }
    await this.#link.connection();
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
    const { lifetime, userData, purpose } = checkCall(this.uid, remoteUid, chosen);
    const isFull = purpose === "talk" && (this.#registry.busy || this.#registry.ringing);
    if (isFull && !this.#registry.invitedBy(remoteUid)) {
      throw new Error(`there is room for ${this.#registry.maxConversations} conversation(s) only`);
    }
    const plan = { targets: [remoteUid], lifetime, userData, purpose, secondId: uuid() };
    const rules = new OutgoingCall(uuid(), this.party, plan, TIMING, monotonic());
    const { conversation, followUps } = this.#add(rules, chosen);
    conversation.start(localStream);
    this.#follow(followUps, conversation);
    return conversation;
  }

  /**
   * @param {IncomingCall | OutgoingCall} rules
   * @param {CallOptions} options
   * @param {OutgoingCall} [own] a call of ours that it crosses
   */
  #add(rules, options, own) {
    const host = {
      party: this.party,
      clock: this.#clocks.of(rules.remoteUid),
      iceServers: this.#options.iceServers ?? [],
      ready: () => this.#link.ready(),
      connected: () => this.#link.connected,
      publish: this.#publish.bind(this),
      doors: this.#doors,
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
      onStep: (/** @type {string} */ before) => {
        // It has waited for a call of ours, and nobody was told of it.
        const isNew = before === "crossing" && rules.state !== "closed";
        if (isNew && !this.#shown.has(conversation)) this.#show(conversation);
        this.#follow(this.#registry.follow(rules));
      },
      onEnded: () => {
        this.#conversations.delete(conversation.id);
        this.#registry.remove(rules, monotonic());
      },
    };
    const conversation = new Conversation(host, rules, options);
    const followUps = this.#registry.add(rules, own);
    this.#conversations.set(conversation.id, conversation);
    return { conversation, followUps };
  }

  /** An invitation is the application's from now on. @param {Conversation} conversation */
  #show(conversation) {
    this.#shown.add(conversation);
    if (!this.emit("called", conversation) && !conversation.crosses)
      conversation.reject("unavailable");
  }

  /**
   * Hands in what calls that cross mean for each other.
   * @param {import("./rules/crossings.js").FollowUp[]} followUps
   * @param {Conversation} [own] whose media is sent from then on
   */
  #follow(followUps, own) {
    for (const [rules, input] of followUps) {
      const conversation = this.#conversations.get(rules.signaledAs);
      if (own && conversation) conversation.adopt(own);
      conversation?.follow(input);
    }
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
      this.household.take(first, second, third, payload, retained);
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
    if (this.#doors.heard(from, message)) return;
    if (message.type === "open") return this.#complain(from, noDoor(message));
    const conversation = this.#conversations.get(message.conversation);
    if (conversation) {
      if (conversation.remoteUid === from) this.#onMessageOf(conversation, from, message);
    } else this.#onStray(from, message);
  }

  /** @param {Conversation} conversation @param {string} from @param {Signal} message */
  #onMessageOf(conversation, from, message) {
    const rules = this.#registry.calls.get(conversation.id);
    const input = inputOf(from, message, NO_MEDIA);
    const instead = rules && input ? this.#registry.defer(rules, input) : null;
    if (instead) this.#follow(instead);
    else conversation.handle(message);
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
    const { own, crossing = null, decision } = this.#ruleOn(invitation);
    const made = [this.party, TIMING, monotonic(), decision, crossing];
    const rules = new IncomingCall(invitation, .../** @type {[any, any, any, any, any]} */ (made));
    const { conversation } = this.#add(rules, {}, own);
    const ours = own && this.#conversations.get(own.signaledAs);
    if (ours) conversation.adopt(ours);
    conversation.start(conversation.local);
    if (!rules.turnedAway && rules.state !== "crossing") this.#show(conversation);
  }

  /** A person is asked about one call at a time. @param {any} invitation */
  #ruleOn(invitation) {
    const ruling = this.#registry.rule(invitation, { action: "ring" });
    if (ruling.own || !this.#registry.ringing) return ruling;
    return { decision: { action: /** @type {const} */ ("busy"), reason: "busy" } };
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

  /** Tells a sender what was wrong. @param {string} to @param {MalformedMessage} fault */
  #complain(to, fault) {
    this.emit("error", new CallError(fault.code, `from ${to}: ${fault.message}`));
    if (!this.#complaints.mayAnswer(fault)) return;
    const { code, message, conversation } = fault;
    void this.#publish(to, { type: "error", conversation, party: this.party, code, message });
  }
}

/** What asks for a door where there is none. @param {Signal} message */
const noDoor = ({ conversation, type }) =>
  new MalformedMessage("no_such_output", "there is no door here", { conversation, type });
