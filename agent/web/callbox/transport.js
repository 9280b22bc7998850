// @ts-check
/** WebRTC, as one transport of a call. */

import { preferH264 } from "./codecs.js";
import { directionOf, leftOut, limitCandidates, takeApart } from "./sdp.js";
import { readSample } from "./statistics/sample.js";
import { Deadlines, pause } from "./timers.js";

/** Of the data channel, on both sides. */
const CHANNEL_LABEL = "callbox";
/** The remote peer reads no more of them. */
export const MAX_TRICKLED_CANDIDATES = 40;
/** Milliseconds that an offer or an answer waits for candidates at most; the rest is trickled. */
const GATHERING = 50;
/** Those of this machine come at once: after such a pause nothing is waited for. */
const GATHERING_PAUSE = 8;
/** Candidates found within this are sent together. */
const TRICKLE_PAUSE = 20;
/** How long the first packet on a fresh transport is waited for. */
const ARRIVAL = 1000;

/**
 * One RTCPeerConnection, made for one offer or one answer. Reports through `hooks`, never after
 * `close()`.
 *
 * @typedef {import("./signals.js").Candidate} Candidate
 *
 * @typedef {object} TransportHooks
 * @property {(candidates: (Candidate | null)[]) => void} onCandidates to be trickled; null is the
 *   end of them
 * @property {() => void} onIce
 * @property {() => void} onConnected
 * @property {(detail: string) => void} onLost
 * @property {() => void} onLeft the remote peer has closed it
 * @property {(text: string) => void} onMessage from the data channel
 *
 * @typedef {object} Wanted
 * @property {boolean | RTCRtpTransceiverDirection} audio
 * @property {boolean | RTCRtpTransceiverDirection} video
 */
export class Transport {
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
    this.pc.ondatachannel = ({ channel }) =>
      channel.label === CHANNEL_LABEL && this.#adopt(channel);
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
      if (kind === "video") preferH264(transceiver, true);
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
      if (kind === "video") preferH264(transceiver, false);
    }
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    await this.#remoteKnown();
    await this.#gathered();
  }

  /** @param {string} description */
  async applyAnswer(description) {
    if (this.pc.signalingState !== "have-local-offer") return;
    await this.#setRemote("answer", description);
    await this.#remoteKnown();
  }

  /** The local description as it is for now. */
  get draft() {
    return this.pc.localDescription?.sdp ?? "";
  }

  /**
   * The local description with the candidates known so far. Whatever is found from now on is
   * trickled.
   */
  describe() {
    const limited = limitCandidates(this.draft);
    this.#found = leftOut(this.draft, limited);
    if (this.pc.iceGatheringState === "complete") this.#found.push(null);
    this.#trickling = true;
    this.#flushSoon();
    return limited;
  }

  /** Whether both descriptions are there. */
  get negotiated() {
    return (
      Boolean(this.pc.remoteDescription && this.pc.localDescription) &&
      this.pc.signalingState === "stable"
    );
  }

  /** The receivers of what the remote peer may send. */
  get receivers() {
    const receiving = this.pc
      .getTransceivers()
      .filter(({ currentDirection }) => /recv/.test(currentDirection ?? ""));
    return receiving.map(({ receiver }) => receiver);
  }

  /**
   * Waits, a second at most, until a track gets packets: so the picture does not go black when the
   * media moves here.
   */
  async arrival() {
    const tracks = this.pc.getReceivers().map(({ track }) => track);
    const video = tracks.find(({ kind }) => kind === "video") ?? tracks[0];
    if (!video?.muted) return;
    const unmuted = new Promise((resolve) =>
      video.addEventListener("unmute", resolve, { once: true }),
    );
    await Promise.race([unmuted, pause(ARRIVAL)]);
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

  /**
   * Adds a candidate of the remote peer, before or after its description.
   * @param {Candidate | null} line
   */
  async addCandidate(line) {
    if (this.#closed) return;
    if (!this.pc.remoteDescription) {
      if (this.#early.length < MAX_TRICKLED_CANDIDATES) this.#early.push(line);
      return;
    }
    try {
      await this.pc.addIceCandidate(line ? { ...line, candidate: line.candidate } : undefined);
      // One bad candidate is no reason to end a call; a call without a good one ends at its
      // deadline.
    } catch {}
  }

  /** Sends on the data channel; false where there is none open. @param {string} message */
  send(message) {
    if (this.#channel?.readyState !== "open") return false;
    try {
      this.#channel.send(message);
      return true;
    } catch {
      // Closing just now.
      return false;
    }
  }

  /** @param {string} kind @param {MediaStreamTrack | null} track */
  async replaceTrack(kind, track) {
    const transceiver = this.pc
      .getTransceivers()
      .find(({ receiver }) => receiver.track.kind === kind);
    await transceiver?.sender.replaceTrack(track);
  }

  /** How many packets of any kind have arrived; NaN where that cannot be known any more. */
  async received() {
    try {
      return readSample(await this.pc.getStats(), 0).packetsReceived;
    } catch {
      // Closed while it was read.
      return NaN;
    }
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.connected = false;
    this.#deadlines.clearAll();
    this.pc.onicecandidate =
      this.pc.oniceconnectionstatechange =
      this.pc.onconnectionstatechange =
        null;
    this.pc.ondatachannel = null;
    if (this.#channel) this.#channel.onmessage = this.#channel.onclose = null;
    this.pc.close();
  }

  /** @param {string} kind */
  #track(kind) {
    return this.#local?.getTracks().find((track) => track.kind === kind) ?? null;
  }

  /**
   * Resolves when the candidates of this machine are known, or when it takes too long.
   * @returns {Promise<void>}
   */
  #gathered() {
    if (this.pc.iceGatheringState === "complete") return Promise.resolve();
    return new Promise((resolve) => {
      this.#onGathered = () => {
        this.#deadlines.clear("gathering");
        this.#deadlines.clear("pause");
        resolve();
      };
      this.#deadlines.set("gathering", GATHERING, this.#onGathered);
    });
  }

  /** @param {"offer" | "answer"} type @param {string} description */
  #setRemote(type, description) {
    return this.pc.setRemoteDescription({
      type,
      sdp: this.#lipSync ? description : takeApart(description),
    });
  }

  async #remoteKnown() {
    const early = this.#early.splice(0);
    for (const line of early) if (!line || this.matches(line)) await this.addCandidate(line);
  }

  /** @param {RTCIceCandidate | null} found */
  #candidateFound(found) {
    if (this.#closed || found?.candidate === "") return;
    if (!found) this.#onGathered();
    else if (!this.#trickling)
      this.#deadlines.set("pause", GATHERING_PAUSE, () => this.#onGathered());
    // A browser's are active ones, and so is everyone's here.
    if (!this.#trickling || found?.protocol === "tcp") return;
    this.#found.push(
      found && {
        candidate: found.candidate,
        sdpMid: found.sdpMid,
        sdpMLineIndex: found.sdpMLineIndex,
      },
    );
    this.#flushSoon();
  }

  #flushSoon() {
    if (this.#found.length === 0 || this.#deadlines.has("trickle")) return;
    this.#deadlines.set("trickle", TRICKLE_PAUSE, () =>
      this.#hooks.onCandidates(this.#found.splice(0)),
    );
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

  /**
   * Where there is no channel, DTLS tells of the remote peer's end; no browser calls the connection
   * closed for that.
   */
  #watchDtls() {
    const dtls = this.pc.sctp?.transport ?? this.pc.getSenders()[0]?.transport;
    dtls?.addEventListener("statechange", () => dtls.state === "closed" && this.#left());
  }

  /**
   * The remote peer has closed it. One that never opened, or that a dead path has taken along, says
   * nothing of that.
   */
  #left() {
    if (this.connected && !this.#closed && this.pc.connectionState !== "failed")
      this.#hooks.onLeft();
  }
}
