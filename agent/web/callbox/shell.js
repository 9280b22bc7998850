// @ts-check
/** The shell around the rules of one call: performs their effects, and tells them what happens. */

import { codecOf } from "./codecs.js";
import { reportFault } from "./emitter.js";
import { CallError } from "./errors.js";
import { Invitations } from "./invitations.js";
import { MediaWatch } from "./media-watch.js";
import { Peers } from "./peers.js";
import { recordOf } from "./record.js";
import { inputOf, messageOf } from "./signals.js";
import { Deadlines, pause } from "./timers.js";
import { present } from "./values.js";

/**
 * A broker that does not acknowledge an offer within so many milliseconds is behind a dead
 * connection.
 */
const ACKNOWLEDGE = 2_000;
/** States in which nothing arrives. */
const UNHEARD_STATES = Object.freeze(["silent", "lost"]);

/**
 * @typedef {import("./signals.js").Signal} Signal
 * @typedef {import("./rules/machine.js").Effect} Effect
 * @typedef {import("./rules/machine.js").Input} Input
 * @typedef {import("./rules/incoming.js").IncomingCall |
 *   import("./rules/outgoing.js").OutgoingCall} Rules
 * @typedef {import("./invitations.js").Host} Host
 *
 * @typedef {object} ShellHooks
 * @property {(name: string, ...details: any[]) => void} emit
 * @property {() => string} shownState
 * @property {(text: string) => void} onChannelMessage
 * @property {() => void} onSettled an input, and whatever came of it, has been taken
 */
export class Shell {
  /** @type {MediaStream | null} */
  local = null;
  /** What arrives. It stays the same object when the transport is renewed. */
  remoteStream = new MediaStream();
  #host;
  #hooks;
  #options;
  #invitations;
  #watch;
  #deadlines = new Deadlines();
  /** Inputs that came while another one was taken. @type {Input[] | null} */
  #waiting = null;
  /** When each mark of the call was set, by the clock of the day. @type {Record<string, string>} */
  #times = {};
  /** @type {string | undefined} */
  #responseReason;
  /** Who answered in this side's place, where a `close` said so. @type {string | undefined} */
  takenBy;
  #streamed = false;
  /** Settles when the answer is out, or cannot be made. @type {Promise<void>} */
  answering = Promise.resolve();

  /**
   * @param {Host} host
   * @param {Rules} rules
   * @param {import("./conversation.js").CallOptions} options
   * @param {ShellHooks} hooks
   */
  constructor(host, rules, options, hooks) {
    this.rules = rules;
    /** The conversation's id on the wire. */
    this.id = rules.signaledAs;
    this.#host = host;
    this.#options = options;
    this.#hooks = hooks;
    this.peers = new Peers({
      onInput: (input) => this.step(input),
      current: () => rules.renewals.current,
      state: () => rules.state,
      onNegotiated: (transport) => this.#adoptTracks(transport),
      onMessage: hooks.onChannelMessage,
      wanted: () => this.wanted,
      local: () => this.local,
      configuration: (servers) => ({
        iceServers: [...host.iceServers, ...servers],
        iceTransportPolicy: options.iceTransportPolicy ?? "all",
      }),
      lipSync: () => options.lipSync ?? true,
    });
    const describe = () => this.peers.current?.describe() ?? "";
    this.#invitations = new Invitations(host, rules, describe, this);
    this.#watch = new MediaWatch({
      transport: () => this.peers.current,
      onHeard: () => UNHEARD_STATES.includes(rules.state) && this.stepCurrent("peerHeard"),
      onSilent: (seconds) => this.stepCurrent("peerSilent", { seconds }),
      onTrack: (kind, codec) => this.stepCurrent("trackReceived", { kind, codec }),
      onFirstFrame: () => this.stepCurrent("firstFrameSeen"),
      onReport: (local, remote) => {
        hooks.emit("local_stats", local);
        hooks.emit("remote_stats", remote);
      },
    });
    this.#noteTimes();
  }

  /** @returns {import("./transport.js").Wanted} */
  get wanted() {
    return { audio: this.#options.audio ?? true, video: this.#options.video ?? true };
  }

  /** Makes the offer, or asks the application. @param {MediaStream | null} local */
  start(local) {
    this.local = local;
    const before = this.rules.state;
    this.perform(this.rules.start(performance.now() / 1000));
    this.#noteTimes();
    this.#host.onStep(before);
    this.#arm();
  }

  /** Takes a message of this conversation; what does not fit is ignored. @param {Signal} message */
  take(message) {
    if (message.type === "close") this.takenBy ??= message.by;
    const input = inputOf(this.rules.remoteUid, message, this.wanted);
    if (input) this.step(input);
  }

  /** Takes one input; those that come of its effects are taken after them. @param {Input} input */
  step(input) {
    if (this.#waiting) return void this.#waiting.push(input);
    this.#waiting = [input];
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const before = this.#hooks.shownState();
      const { state: from, accepted: wasAccepted, looks: looked } = this.rules;
      const { effects } = this.rules.handle(next, performance.now() / 1000);
      this.#noteTimes();
      const state = this.#hooks.shownState();
      if (state !== before) this.#hooks.emit("state", { state });
      this.perform(effects);
      if (this.rules.accepted && (!wasAccepted || (looked && !this.rules.looks))) {
        this.#host.onAccepted();
      }
      const isSelected = next.type === "selectReceived" && this.rules.accepted;
      if (this.rules.state !== from || isSelected) this.#host.onStep(from);
    }
    this.#waiting = null;
    this.#arm();
    this.#hooks.onSettled();
  }

  /**
   * An input about the transport that carries the media.
   * @param {string} type
   * @param {object} [fields]
   */
  stepCurrent(type, fields = {}) {
    this.step({ type, generation: this.rules.renewals.current, ...fields });
  }

  /** @param {Effect[]} effects */
  perform(effects) {
    for (const effect of effects) {
      try {
        this.#performers[effect.type]?.(effect);
      } catch (fault) {
        reportFault(fault);
      }
    }
  }

  /**
   * What is done for each effect. `called` is the client's to tell, and `streamReceived` comes with
   * the first packets, when the stream has long been handed over here. `pauseMedia` and
   * `resumeMedia` are a device's: the browser itself stops sending when consent expires.
   * @type {Record<string, (effect: any) => void>}
   */
  #performers = {
    sendInvite: (effect) =>
      void this.#invitations.send(effect, this.#options.shareIceServers ?? false),
    inviteAgain: (effect) => this.#inviteAgain(effect),
    sendRinging: (effect) => void this.#send(effect),
    sendResponse: (effect) => void this.#send(effect),
    sendSelect: (effect) => void this.#send(effect),
    sendCandidate: (effect) => this.#trickle(effect),
    sendOffer: (effect) => void this.#sendOffer(effect),
    sendAnswer: (effect) => void this.sendBoth(effect),
    sendClose: (effect) => void this.sendBoth(effect),
    sendTalk: (effect) => void this.sendBoth(effect),
    sendError: (effect) => this.#sendOneWay(effect),
    screenTalk: (effect) => this.#denyTalk(effect),
    createOffer: (effect) => void this.peers.createOffer(effect),
    createAnswer: (effect) => {
      this.answering = this.peers.createAnswer(effect);
    },
    applyAnswer: (effect) => void this.peers.applyAnswer(effect),
    addCandidate: (effect) => this.peers.addCandidate(effect),
    startMedia: (effect) => this.#startMedia(effect),
    explainPeer: () => this.fail("ice_failed", "no path to the remote peer was found in time"),
    // At the end of a call its last statistics are read first.
    closePeer: ({ generation }) => this.rules.closed ?? this.peers.close(generation),
    remoteRinging: ({ expiresIn }) => this.#hooks.emit("ringing", { expiresIn }),
    invitationAnswered: ({ callStatus, reason }) => this.#respond(callStatus, reason),
    connected: () => this.#watch.start(),
    talkStarted: () => this.#hooks.emit("talk"),
    degraded: ({ cause }) => this.#hooks.emit("degraded", { cause }),
    restored: ({ generation }) => this.#hooks.emit("restored", { generation }),
    errorRaised: ({ code, message }) => this.fail(code, message),
    closed: () => void this.#finish(),
  };

  /** @param {string} code @param {string} message */
  fail(code, message) {
    this.#hooks.emit("error", new CallError(code, message));
  }

  // Sending

  /** @param {Effect} effect */
  #message(effect) {
    return messageOf(effect, this.id, this.#host.party, this.#host.clock);
  }

  /** @param {Effect} effect */
  #send(effect) {
    return this.#host.publish(effect.to ?? this.rules.remoteUid, this.#message(effect));
  }

  /**
   * By MQTT and by the data channel: the first to arrive counts (PROTOCOL 3).
   * @param {Effect} effect
   */
  sendBoth(effect) {
    this.peers.send(JSON.stringify(this.#message(effect)));
    return this.#send(effect);
  }

  /** @param {Effect} effect */
  async #sendOffer(effect) {
    const { generation } = effect;
    const delivery = await Promise.race([this.sendBoth(effect), pause(ACKNOWLEDGE)]);
    if (delivery === "taken" || delivery === "unheard") return;
    if (this.rules.renewals.pending?.generation === generation) this.#host.renewConnection();
  }

  /** @param {Effect} effect */
  #trickle(effect) {
    if (this.peers.mayTrickle()) this.#sendOneWay(effect);
  }

  /**
   * By MQTT, or by the channel while there is no broker.
   * @param {Effect} effect
   */
  #sendOneWay(effect) {
    const text = JSON.stringify(this.#message(effect));
    if (this.#host.connected() || !this.peers.send(text)) void this.#send(effect);
  }

  /** @param {Effect} effect */
  #inviteAgain({ conversation, now }) {
    const before = this.id;
    this.id = conversation;
    this.#host.clock.correct(now * 1000);
    this.peers.trickleAnew();
    this.#host.onRenamed(before);
  }

  /** @param {string} callStatus @param {string} [reason] */
  #respond(callStatus, reason) {
    this.#responseReason = reason;
    this.#hooks.emit("response", callStatus, present({ reason }));
  }

  /**
   * A person has let somebody look, and nobody has been asked about more.
   * @param {Effect} effect
   */
  #denyTalk({ generation }) {
    const message = "talking is not allowed";
    this.step({ type: "talkDenied", generation, code: "not_allowed", message });
  }

  // Media

  /** @param {Effect} effect */
  #startMedia({ generation }) {
    if (generation > 0) {
      this.peers.trickleAnew();
      this.#watch.carryOver();
    }
    const transport = this.peers.current;
    if (transport?.negotiated) this.#adoptTracks(transport);
    if (generation > 0) this.#hooks.emit("renewed", { generation });
  }

  /**
   * The tracks of `transport` become the conversation's.
   * @param {import("./transport.js").Transport} transport
   */
  #adoptTracks(transport) {
    if (this.rules.closed || transport !== this.peers.current) return;
    const { receivers } = transport;
    const old = this.remoteStream.getTracks();
    for (const { track } of receivers) this.remoteStream.addTrack(track);
    for (const track of old) this.remoteStream.removeTrack(track);
    if (this.#streamed || receivers.length === 0) return;
    this.#streamed = true;
    const tracks = receivers.map((each) =>
      present({ kind: each.track.kind, codec: codecOf(each) }),
    );
    this.#hooks.emit("stream_received", this.remoteStream, { tracks });
  }

  // Time

  #noteTimes() {
    for (const name of Object.keys(this.rules.marks))
      this.#times[name] ??= this.#host.clock.format();
  }

  /** Waits for the next deadline of the rules. */
  #arm() {
    const deadline = this.rules.nextDeadline();
    if (deadline === null) return this.#deadlines.clearAll();
    const left = Math.max(0, Math.ceil(deadline * 1000 - performance.now()));
    this.#deadlines.set("rules", left, () => this.#expire());
  }

  #expire() {
    if (this.rules.state === "inviting" && !this.#host.connected()) {
      this.fail("broker_unreachable", "the broker could not be reached in time");
    }
    this.step({ type: "deadlineReached" });
  }

  async #finish() {
    const transport = this.peers.current;
    try {
      await this.#watch.stop(transport);
    } finally {
      this.peers.closeAll();
      for (const track of this.remoteStream.getTracks()) this.remoteStream.removeTrack(track);
      this.#host.onEnded();
      const about = {
        responseReason: this.#responseReason,
        takenBy: this.takenBy,
        times: this.#times,
        totals: this.#watch.totals,
      };
      this.#hooks.emit("closed", recordOf(this.rules, about));
    }
  }
}
