// @ts-check
/** A broker and a browser's WebRTC, small enough to read, for tests of conversation.js in Node. */

/** @param {string} filter @param {string} topic */
function matches(filter, topic) {
  const [wanted, levels] = [filter.split("/"), topic.split("/")];
  return wanted.length === levels.length && wanted.every((level, i) => level === "+" || level === levels[i]);
}

/** An MQTT broker in memory. `connect` has the shape of MQTT.js's. Delivery is asynchronous and in order. */
export class FakeBroker {
  clients = new Set();
  /** @type {Map<string, string>} */
  retained = new Map();
  /** Everything that was published: `{ topic, message, options }`. @type {any[]} */
  log = [];
  /** @type {any[]} */
  connections = [];
  reachable = true;
  /** Whether messages are acknowledged with "no matching subscribers". */
  nobodyListens = false;

  connect = (/** @type {string} */ url, /** @type {any} */ options) => new FakeMqttClient(this, url, options);

  /** @param {string} topic @param {object | string | Uint8Array} message @param {{ retain?: boolean }} [options] */
  deliver(topic, message, { retain = false } = {}) {
    const payload =
      message instanceof Uint8Array
        ? message
        : new TextEncoder().encode(typeof message === "string" ? message : JSON.stringify(message));
    for (const client of this.clients) client.receive(topic, payload, { retain });
  }

  /** Messages of one type that went to `uid`. @param {string} uid @param {string} [type] */
  sentTo(uid, type) {
    const mine = this.log.filter(({ topic }) => topic.includes(`/${uid}/signal/`)).map(({ message }) => message);
    return type ? mine.filter((message) => message.type === type) : mine;
  }

  stop() {
    this.reachable = false;
    for (const client of [...this.clients]) client.drop();
  }

  start() {
    this.reachable = true;
    for (const client of this.connections) client.revive();
  }
}

class FakeMqttClient {
  /** @type {Map<string, ((...args: any[]) => void)[]>} */
  #listeners = new Map();
  #filters = new Set();
  /** @type {any[]} */
  #queue = [];
  #ended = false;
  connected = false;
  stream = { destroy: () => this.drop() };

  /** @param {FakeBroker} broker @param {string} url @param {any} options */
  constructor(broker, url, options) {
    this.broker = broker;
    this.url = url;
    this.options = options;
    broker.connections.push(this);
    queueMicrotask(() => this.revive());
  }

  /** @param {string} name @param {(...args: any[]) => void} listener */
  on(name, listener) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  /** @param {string} name @param {...any} args */
  emit(name, ...args) {
    for (const listener of this.#listeners.get(name) ?? []) listener(...args);
  }

  revive() {
    if (this.#ended || this.connected || !this.broker.reachable) return;
    this.connected = true;
    this.broker.clients.add(this);
    this.emit("connect", {});
    for (const args of this.#queue.splice(0)) this.#publish(...args);
  }

  drop() {
    if (!this.connected) return;
    this.connected = false;
    this.broker.clients.delete(this);
    this.emit("close");
  }

  /** @param {string[]} filters @param {any} _options @param {(fault: unknown, grants: { qos: number }[]) => void} done */
  subscribe(filters, _options, done) {
    for (const filter of filters) this.#filters.add(filter);
    queueMicrotask(() => {
      done(
        null,
        filters.map(() => ({ qos: 1 })),
      );
      for (const [topic, text] of this.broker.retained)
        this.receive(topic, new TextEncoder().encode(text), { retain: true });
    });
  }

  /** @param {string} topic @param {string} text @param {any} options @param {(fault?: unknown) => void} done */
  publish(topic, text, options, done) {
    if (this.connected) this.#publish(topic, text, options, done);
    else this.#queue.push([topic, text, options, done]);
  }

  /** @param {any[]} args */
  #publish(...args) {
    const [topic, text, options, done] = args;
    const messageId = this.broker.log.push({ topic, message: JSON.parse(text), options });
    this.broker.deliver(topic, text);
    const reasonCode = this.broker.nobodyListens ? 0x10 : 0;
    queueMicrotask(() => {
      this.emit("packetreceive", { cmd: "puback", reasonCode, messageId });
      done(null, { cmd: "publish", messageId });
    });
  }

  /** @param {string} topic @param {Uint8Array} payload @param {any} packet */
  receive(topic, payload, packet) {
    if (![...this.#filters].some((filter) => matches(filter, topic))) return;
    queueMicrotask(() => this.connected && this.emit("message", topic, payload, packet));
  }

  /** @param {boolean} _force @param {any} [_options] @param {() => void} [done] */
  end(_force, _options, done) {
    this.#ended = true;
    this.drop();
    queueMicrotask(() => done?.());
  }
}

/** Everything that was opened in a test, so that one can end or break it. @type {FakePeerConnection[]} */
export const transports = [];

export class FakeTrack extends EventTarget {
  enabled = true;
  muted = false;
  /** @param {string} kind */
  constructor(kind) {
    super();
    this.kind = kind;
  }
}

export class FakeMediaStream {
  /** @type {Set<FakeTrack>} */
  #tracks = new Set();
  /** @param {FakeTrack[]} [tracks] */
  constructor(tracks = []) {
    for (const track of tracks) this.#tracks.add(track);
  }
  getTracks() {
    return [...this.#tracks];
  }
  /** @param {FakeTrack} track */
  addTrack(track) {
    this.#tracks.add(track);
  }
  /** @param {FakeTrack} track */
  removeTrack(track) {
    this.#tracks.delete(track);
  }
}

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
      getParameters: () => ({ codecs: [{ mimeType: kind === "video" ? "video/H264" : "audio/opus" }] }),
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
    if (this.closed) throw new DOMException("The RTCPeerConnection's signalingState is 'closed'.", "InvalidStateError");
  }

  async createOffer() {
    this.#mustBeOpen();
    return { type: "offer", sdp: `v=0\r\no=offer ${this.number}\r\na=ice-ufrag:u${this.number}\r\n` };
  }
  async createAnswer() {
    this.#mustBeOpen();
    return { type: "answer", sdp: `v=0\r\no=answer ${this.number}\r\na=ice-ufrag:u${this.number}\r\n` };
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
    if (description.sdp === FakePeerConnection.unusable) throw new Error("cannot parse the description");
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
    const at = { timestamp: Date.now() };
    return new Map(
      [
        {
          id: "T",
          type: "transport",
          packetsReceived: this.packetsReceived + this.otherPacketsReceived,
          dtlsState: "connected",
          selectedCandidatePairId: "P",
          ...at,
        },
        {
          id: "P",
          type: "candidate-pair",
          state: "succeeded",
          nominated: true,
          currentRoundTripTime: 0.02,
          localCandidateId: "L",
          remoteCandidateId: "R",
          ...at,
        },
        { id: "L", type: "local-candidate", candidateType: "host", protocol: "udp", address: "192.0.2.1", ...at },
        { id: "R", type: "remote-candidate", candidateType: "relay", protocol: "udp", address: "192.0.2.2", ...at },
        { id: "C", type: "codec", mimeType: "video/H264", ...at },
        {
          id: "I",
          type: "inbound-rtp",
          kind: "video",
          codecId: "C",
          packetsReceived: this.packetsReceived,
          bytesReceived: this.packetsReceived * 1000,
          framesDecoded: this.framesDecoded,
          framesReceived: this.framesDecoded,
          framesPerSecond: 30,
          frameWidth: 1280,
          frameHeight: 720,
          jitter: 0.004,
          packetsLost: 2,
          totalProcessingDelay: this.framesDecoded * 0.05,
          nackCount: 1,
          pliCount: 1,
          framesPerSecondUnknown: NaN,
          ...at,
        },
      ].map((entry) => [entry.id, entry]),
    );
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

  /** The far side closes the data channel. */
  closeChannel() {
    for (const channel of this.channels) {
      channel.readyState = "closed";
      channel.onclose?.();
    }
  }

  /** The far side closes DTLS. */
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
    for (const transceiver of this.transceivers) transceiver.currentDirection = transceiver.direction;
  }
}

/** Puts the fakes where a browser has the real things. */
export function installFakes() {
  const codecs = [
    { mimeType: "video/VP8" },
    { mimeType: "video/rtx" },
    { mimeType: "video/H264", sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f" },
    { mimeType: "video/H264", sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f" },
  ];
  transports.length = 0;
  Object.assign(FakePeerConnection.found, { early: 1, late: 0 });
  Object.assign(globalThis, {
    RTCPeerConnection: FakePeerConnection,
    RTCRtpReceiver: { getCapabilities: () => ({ codecs }) },
    MediaStream: FakeMediaStream,
  });
}
