// @ts-check
/** WebRTC in memory, with knobs for what a network would do. */

import { FakeTrack } from "./media.js";
import { statisticsOf } from "./statistics.js";

/**
 * Everything that was opened in a test, so that one can end or break it.
 * @type {FakePeerConnection[]}
 */
export const transports = [];

/** A data channel that a test may hook to another one. */
class FakeChannel {
  readyState = "connecting";
  /** @type {string[]} */
  sent = [];
  /** @type {((event: { data: string }) => void) | null} */
  onmessage = null;
  /** @type {(() => void) | null} */
  onclose = null;
  /** @param {string} label */
  constructor(label) {
    this.label = label;
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(text);
  }
}

class FakeDtlsTransport extends EventTarget {
  state = "connected";
}

/** The calls that conversation.js makes, and knobs for what a network would do. */
export class FakePeerConnection {
  /** How many candidates are found before the description is read, and after it. */
  static found = { early: 1, late: 1 };
  /** A description that no browser could use. */
  static unusable = "unusable";
  iceGatheringState = "new";
  iceConnectionState = "new";
  connectionState = "new";
  signalingState = "stable";
  /** @type {{ type: string, sdp: string } | null} */
  localDescription = null;
  /** @type {{ type: string, sdp: string } | null} */
  remoteDescription = null;
  /** @type {any[]} */
  candidates = [];
  /** @type {any[]} */
  transceivers = [];
  /** @type {FakeChannel[]} */
  channels = [];
  sctp = { transport: new FakeDtlsTransport() };
  closed = false;
  packetsReceived = 0;
  /** DTLS and the data channel arrive, too. */
  otherPacketsReceived = 5;
  framesDecoded = 0;
  /** @type {any} */
  onicecandidate = null;
  /** @type {any} */
  oniceconnectionstatechange = null;
  /** @type {any} */
  onconnectionstatechange = null;
  /** @type {any} */
  onicegatheringstatechange = null;
  /** @type {any} */
  ondatachannel = null;

  /** @param {any} configuration */
  constructor(configuration) {
    this.configuration = configuration;
    this.number = transports.push(this);
  }

  /** @param {string} label */
  createDataChannel(label) {
    const channel = new FakeChannel(label);
    this.channels.push(channel);
    return channel;
  }

  /** @param {string | FakeTrack} trackOrKind @param {any} init */
  addTransceiver(trackOrKind, init) {
    const kind = typeof trackOrKind === "string" ? trackOrKind : trackOrKind.kind;
    const sender = {
      track: typeof trackOrKind === "string" ? null : trackOrKind,
      replaceTrack: async (/** @type {any} */ track) => void (sender.track = track),
      setStreams: () => {},
    };
    const receiver = {
      track: new FakeTrack(kind),
      getParameters: () => ({
        codecs: [{ mimeType: kind === "video" ? "video/H264" : "audio/opus" }],
      }),
      getStats: async () => this.getStats(),
    };
    const transceiver = {
      sender,
      receiver,
      direction: init?.direction ?? "sendrecv",
      currentDirection: null,
      preferences: [],
    };
    Object.assign(transceiver, {
      setCodecPreferences: (/** @type {any} */ codecs) => (transceiver.preferences = codecs),
    });
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers() {
    return this.transceivers;
  }
  getSenders() {
    return this.transceivers.map(({ sender }) => sender);
  }
  getReceivers() {
    return this.transceivers.map(({ receiver }) => receiver);
  }

  #mustBeOpen() {
    if (this.closed)
      throw new DOMException(
        "The RTCPeerConnection's signalingState is 'closed'.",
        "InvalidStateError",
      );
  }

  async createOffer() {
    this.#mustBeOpen();
    return {
      type: "offer",
      sdp: `v=0\r\no=offer ${this.number}\r\na=ice-ufrag:u${this.number}\r\n`,
    };
  }
  async createAnswer() {
    this.#mustBeOpen();
    return {
      type: "answer",
      sdp: `v=0\r\no=answer ${this.number}\r\na=ice-ufrag:u${this.number}\r\n`,
    };
  }

  /** @param {any} description */
  async setLocalDescription(description) {
    this.#mustBeOpen();
    this.localDescription = { ...description };
    this.signalingState = description.type === "offer" ? "have-local-offer" : "stable";
    if (description.type === "answer") this.#negotiated();
    for (let i = 0; i < FakePeerConnection.found.early; i++)
      this.find(`candidate:${i} 1 udp 1 192.0.2.1 ${4000 + i} typ host`);
    if (FakePeerConnection.found.late === 0) this.finishGathering();
  }

  /** @param {any} description */
  async setRemoteDescription(description) {
    this.#mustBeOpen();
    if (description.sdp === FakePeerConnection.unusable)
      throw new Error("cannot parse the description");
    this.remoteDescription = { ...description };
    if (description.type === "offer" && this.transceivers.length === 0) {
      this.addTransceiver("audio", {});
      this.addTransceiver("video", {});
    }
    if (description.type === "answer") {
      this.signalingState = "stable";
      this.#negotiated();
    }
  }

  /** @param {any} candidate */
  async addIceCandidate(candidate) {
    this.candidates.push(candidate ?? null);
  }

  async getStats() {
    return statisticsOf(this);
  }

  close() {
    this.closed = true;
  }

  // The knobs

  /** @param {string} candidate */
  find(candidate) {
    if (this.localDescription) this.localDescription.sdp += `a=${candidate}\r\n`;
    const protocol = candidate.split(" ")[2];
    this.onicecandidate?.({ candidate: { candidate, protocol, sdpMid: "0", sdpMLineIndex: 0 } });
  }

  finishGathering() {
    this.iceGatheringState = "complete";
    this.onicecandidate?.({ candidate: null });
    this.onicegatheringstatechange?.();
  }

  connect() {
    this.packetsReceived += 10;
    this.framesDecoded += 3;
    this.#ice("connected");
    this.connectionState = "connected";
    this.onconnectionstatechange?.();
    for (const channel of this.channels) channel.readyState = "open";
  }

  disconnect() {
    this.#ice("disconnected");
  }

  /** The remote peer closes the data channel. */
  closeChannel() {
    for (const channel of this.channels) {
      channel.readyState = "closed";
      channel.onclose?.();
    }
  }

  /** The remote peer closes DTLS. */
  closeDtls() {
    this.sctp.transport.state = "closed";
    this.sctp.transport.dispatchEvent(new Event("statechange"));
  }

  fail() {
    this.connectionState = "failed";
    this.onconnectionstatechange?.();
  }

  /** @param {string} state */
  #ice(state) {
    this.iceConnectionState = state;
    this.oniceconnectionstatechange?.();
  }

  #negotiated() {
    for (const transceiver of this.transceivers)
      transceiver.currentDirection = transceiver.direction;
  }
}
