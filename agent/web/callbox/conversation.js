// @ts-check
/** One call, as the application sees it. */

import { CONVERSATION_EVENTS, SHOWN_STATES } from "./conversation-events.js";
import { Emitter, reportFault } from "./emitter.js";
import { CallError } from "./errors.js";
import { MalformedMessage } from "./protocol/malformed.js";
import { parseSignal } from "./protocol/messages.js";
import { promisesMedia } from "./sdp.js";
import { Shell } from "./shell.js";
import { knownReason } from "./signals.js";
import { present } from "./values.js";

/** What may come over the data channel as well as by MQTT. */
const CHANNEL_MESSAGES = Object.freeze(["close", "offer", "answer", "candidate", "talk", "error"]);

/**
 * @typedef {import("./conversation-events.js").ConversationEvents} ConversationEvents
 * @typedef {import("./conversation-events.js").ConversationState} ConversationState
 * @typedef {import("./record.js").CallRecord} CallRecord
 * @typedef {import("./record.js").CallStatus} CallStatus
 * @typedef {import("./signals.js").Signal} Signal
 * @typedef {import("./statistics/reports.js").StatisticsReport} StatisticsReport
 *
 * @typedef {object} CallOptions
 * @property {any} [userData] any JSON of at most 4 KiB, shown to the remote peer
 * @property {any} [data] the same by the name that older SDKs use
 * @property {number} [lifetime] seconds to wait for an answer, 1 to 120, 30 by default
 * @property {"talk" | "view"} [purpose] `"view"` only looks: it sends nothing and takes no line
 * @property {RTCIceTransportPolicy} [iceTransportPolicy]
 * @property {boolean | RTCRtpTransceiverDirection} [audio] true: receive, and send where the local
 *   stream has it
 * @property {boolean | RTCRtpTransceiverDirection} [video] likewise; `"sendrecv"` lets a camera be
 *   added later
 * @property {boolean} [lipSync] true by default; false shows each picture as soon as it is here,
 *   not with its sound
 * @property {boolean} [shareIceServers] hand this side's ICE servers to the remote peer
 */

/**
 * One call, from the invitation to `closed`. Made by `CallClient.call()` or handed over by its
 * event `called`.
 * @extends {Emitter<ConversationEvents>}
 */
export class Conversation extends Emitter {
  #options;
  #rules;
  #shell;
  #muted = { audio: false, video: false };
  #told = false;
  #host;
  /**
   * Whoever waits for our view to become a talk.
   * @type {{ resolve: (value: any) => void, reject: (reason: any) => void }[]}
   */
  #talks = [];

  /**
   * @internal
   * @param {import("./shell.js").Host} host
   * @param {import("./shell.js").Rules} rules
   * @param {CallOptions} options
   */
  constructor(host, rules, options) {
    super(CONVERSATION_EVENTS);
    this.#options = options;
    this.#host = host;
    this.#rules = rules;
    this.#shell = new Shell(host, rules, options, {
      emit: (name, ...details) =>
        this.emit(/** @type {any} */ (name), .../** @type {any} */ (details)),
      shownState: () => this.state,
      onChannelMessage: (text) => this.#onChannelMessage(text),
      onSettled: () => this.#settleTalk(),
    });
    const { invitation, plan } = /** @type {any} */ (rules);
    /** What the inviter sent along; from the network, so to be checked before it is shown. */
    this.userData = (invitation ?? plan).userData;
  }

  /** The conversation's id on the wire. */
  get id() {
    return this.#shell.id;
  }

  /** Who is called, or who calls: as the broker vouches for it, not as the message claims. */
  get remoteUid() {
    return this.#rules.remoteUid;
  }

  /** Whether it is a talk, or only looks. */
  get purpose() {
    return this.#rules.viewing.purpose;
  }

  /**
   * Whether it is an invitation that crossed a call of ours to the same uid, and is taken without
   * asking.
   */
  get crosses() {
    return this.direction === "incoming" && this.#rules.rival.crossing !== null;
  }

  get direction() {
    return this.#rules.direction;
  }

  /** @returns {ConversationState} */
  get state() {
    const { state, targets } = /** @type {any} */ (this.#rules);
    const isRung = (/** @type {{ ringing: Set<string> }} */ { ringing }) => ringing.size > 0;
    return state === "inviting" && targets.some(isRung) ? "ringing" : SHOWN_STATES[state];
  }

  /** Who answered in this side's place, once it is closed and where the inviter says so. */
  get takenBy() {
    const gaveWay = this.#rules.closed?.reason === "answered_elsewhere";
    return gaveWay ? this.#shell.takenBy : undefined;
  }

  /** What arrives. It stays the same object when the transport is renewed. */
  get remoteStream() {
    return this.#shell.remoteStream;
  }

  /** Whether nothing arrives for the moment, and a fresh transport is being made. */
  get degraded() {
    return this.#rules.liveness.degraded && this.state !== "closed";
  }

  /** How often a fresh transport has taken the media over. */
  get reconnects() {
    return this.#rules.reconnects;
  }

  get muted() {
    return { ...this.#muted };
  }

  /**
   * @template {keyof ConversationEvents} Name
   * @param {Name} name
   * @param {ConversationEvents[Name]} details
   * @returns {boolean}
   * @protected
   * @override
   */
  emit(name, ...details) {
    // Nothing follows `closed`.
    if (this.#told) return false;
    this.#told = name === "closed";
    return super.emit(name, ...details);
  }

  // What the application does

  /**
   * Answers an incoming call; resolves when the answer is out. The stream stays the caller's: it is
   * not stopped at the end.
   * @param {MediaStream | null} [localStream]
   * @param {Pick<CallOptions, "audio" | "video" | "iceTransportPolicy" | "lipSync">} [options]
   * @returns {Promise<Conversation>} this one
   */
  async accept(localStream = null, options = {}) {
    const shell = this.#shell;
    if (this.state === "called") {
      Object.assign(this.#options, options);
      shell.local = localStream;
      const { sdp } = /** @type {any} */ (this.#rules).invitation;
      shell.step({ type: "acceptRequested", expectsMedia: promisesMedia(sdp, shell.wanted) });
    }
    await shell.answering;
    return this;
  }

  /**
   * Makes a talk of a view: `localStream` is sent from now on. Resolves when the remote peer hears
   * it; rejects with a CallError where it was refused, and then it goes on as a view.
   * @param {MediaStream | null} [localStream] stays the caller's: it is not stopped at the end;
   *   what there is already by default
   * @returns {Promise<Conversation>} this one
   */
  async talk(localStream = this.#shell.local) {
    if (!this.#rules.looks) throw new CallError("invalid_state", "it is no view");
    if (!this.#host.mayTalk()) throw new CallError("busy", "no line is free");
    this.#shell.local = localStream;
    for (const track of localStream?.getTracks() ?? []) this.#applyMute(track);
    const settled = new Promise((resolve, reject) => this.#talks.push({ resolve, reject }));
    this.#shell.step({ type: "talkRequested" });
    return settled;
  }

  /** Tells whoever waits what has become of it. */
  #settleTalk() {
    const { asks, purpose, refusal } = this.#rules.viewing;
    if (asks && this.state !== "closed") return;
    const code = refusal?.code ?? "closed";
    for (const { resolve, reject } of this.#talks.splice(0)) {
      if (purpose === "talk") resolve(this);
      else reject(new CallError(code, refusal?.message ?? "the call is over"));
    }
  }

  /** Declines an incoming call. @param {string} [reason] a short code */
  reject(reason = "rejected") {
    this.#shell.step({ type: "rejectRequested", status: "REJECTED", reason });
  }

  /**
   * Ends it: cancels an invitation, declines a call, hangs up. Harmless when it has ended.
   * @param {string} [reason]
   */
  close(reason = "user_hangup") {
    this.#shell.step({ type: "closeRequested", reason: knownReason(reason) });
  }

  /**
   * Stops or resumes what this side sends; a kind that is not named stays as it is.
   * @param {{ audio?: boolean, video?: boolean }} which
   */
  mute(which) {
    this.#muted = {
      audio: which.audio ?? this.#muted.audio,
      video: which.video ?? this.#muted.video,
    };
    for (const track of this.#shell.local?.getTracks() ?? []) this.#applyMute(track);
  }

  /**
   * Where the device's mode is push-to-talk (`about.audio.mode`): holds the button, to be heard
   * there, or lets it go. It holds for 60 s unless it is said again.
   * @param {boolean} on
   */
  pushToTalk(on) {
    this.#shell.step({ type: "pushToTalkRequested", on });
  }

  /**
   * Has the device release a door, the first one unless `output` names another; until 30 s after
   * the end too. Resolves with the door's name; rejects with a CallError that has the device's code.
   * @param {string} [output]
   * @param {string} [code] digits that the door may ask for
   * @returns {Promise<string>}
   */
  open(output, code) {
    return this.#host.doors.ask(this.remoteUid, this.id, output, code);
  }

  /**
   * Sends another track of a kind, or none. Takes effect at once where that kind was negotiated for
   * sending.
   * @param {"audio" | "video"} kind
   * @param {MediaStreamTrack | null} track
   */
  async replaceTrack(kind, track) {
    const local = (this.#shell.local ??= new MediaStream());
    for (const old of local.getTracks()) if (old.kind === kind) local.removeTrack(old);
    if (track) {
      local.addTrack(track);
      this.#applyMute(track);
    }
    await Promise.all(
      this.#shell.peers.all.map((transport) => transport.replaceTrack(kind, track)),
    );
  }

  /**
   * The first picture is shown. Found out without being told, but a video element knows it more
   * exactly.
   */
  noteFirstFrame() {
    this.#shell.stepCurrent("firstFrameSeen");
  }

  // What the client does

  /**
   * Begins: makes the offer, or asks the application.
   * @internal
   * @param {MediaStream | null} [localStream]
   */
  start(localStream = this.#shell.local) {
    this.#shell.start(localStream);
  }

  /**
   * Sends what `own`, a call that it crosses, would have sent.
   * @internal
   * @param {Conversation} own
   */
  adopt(own) {
    const { iceTransportPolicy, lipSync, audio, video } = own.#options;
    Object.assign(this.#options, present({ iceTransportPolicy, lipSync, audio, video }));
    this.#shell.local = own.#shell.local;
    this.#muted = own.muted;
    const { invitation, rival } = /** @type {any} */ (this.#rules);
    const expectsMedia = promisesMedia(invitation.sdp, this.#shell.wanted);
    if (rival.crossing) rival.crossing = { ...rival.crossing, expectsMedia };
  }

  /**
   * Takes an input that is no message: what a call that crosses this one means for it.
   * @internal
   * @param {import("./rules/machine.js").Input} input
   */
  follow(input) {
    if (input.type !== "crossingFound") return this.#shell.step(input);
    const { sdp } = /** @type {any} */ (this.#rules).invitation;
    this.#shell.step({ ...input, expectsMedia: promisesMedia(sdp, this.#shell.wanted) });
  }

  /**
   * Takes a message of this conversation; what does not fit is ignored.
   * @internal
   * @param {Signal} message
   */
  handle(message) {
    this.#shell.take(message);
  }

  /** The network changed: a fresh transport, if there is anything to carry over. @internal */
  networkChanged() {
    this.#shell.step({ type: "renewRequested" });
  }

  /** The page goes away: the last words, as far as they get. @internal */
  leave() {
    // Another client of the same name may still answer.
    if (this.state === "called" || this.state === "closed") return;
    const reason = this.#rules.callStatus ? "user_hangup" : "cancelled";
    void this.#shell.sendBoth({ type: "sendClose", reason });
  }

  /** @param {MediaStreamTrack} track */
  #applyMute(track) {
    track.enabled = !this.#muted[/** @type {"audio" | "video"} */ (track.kind)];
  }

  /** @param {string} text */
  #onChannelMessage(text) {
    try {
      const message = parseSignal(text);
      if (CHANNEL_MESSAGES.includes(message.type) && message.conversation === this.id)
        this.handle(message);
    } catch (fault) {
      if (!(fault instanceof MalformedMessage)) reportFault(fault);
    }
  }
}
