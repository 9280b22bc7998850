// @ts-check
"use strict";
/**
 * A browser's side of one call, and what a test wants to know of it. The signalling goes through the program that drives
 * the page: it exposes `signal(message)` and calls `caller.receive(message)`. Times are milliseconds since the epoch.
 */

const STRIP_CELLS = 40;
const STRIP_ROWS = 16;
const STRIP_MODULUS = 2 ** STRIP_CELLS;

/** Runs beside the page: encoded frames pass through untouched, and a message asks the sender for a key frame. */
const TRANSFORM = `
  onrtctransform = ({ transformer }) => {
    transformer.options.port.onmessage = ({ ports: [reply] }) =>
      transformer.sendKeyFrameRequest().then(() => reply.postMessage(null), (fault) => reply.postMessage(String(fault)));
    transformer.readable.pipeTo(transformer.writable);
  };`;

class Caller {
  /** Everything that has happened so far, to be read by the test. */
  seen = {
    state: "new",
    renewals: 0,
    frames: 0,
    firstFrame: 0,
    width: 0,
    height: 0,
    loudest: 0,
    closed: /** @type {?string} */ (null),
  };
  /** @type {number[]} age of each picture when it was about to be shown; a strip that cannot be read counts as NaN */
  ages = [];
  /** @type {string[]} */
  candidates = [];
  /** @type {RTCPeerConnection} */
  pc;
  /** A fresh transport in the making. @type {?RTCPeerConnection} */
  fresh = null;
  /** @type {?MessagePort} */
  keyframes = null;
  measure = true;
  /** @type {Record<string, { at: number, values: number[] }[]>} what was said here and what came, where `ears` are open */
  heard = { said: [], came: [] };
  ears = false;
  /** Seconds between those and the cards, by the browser's own word; known after a while. @type {Record<string, () => number>} */
  cards = {};

  /** The offer for a call. `mayAskForKeyframes` puts a transform between receiver and decoder.
   * `ears` keep all sound, and leave the microphone's as it is.
   * @param {{ video?: boolean, microphone?: boolean, mayAskForKeyframes?: boolean, measure?: boolean, ears?: boolean,
   *   configuration?: RTCConfiguration }} options */
  async offer({
    video = true,
    microphone = true,
    mayAskForKeyframes = false,
    measure = true,
    ears = false,
    configuration = {},
  }) {
    this.measure = measure;
    this.ears = ears;
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...configuration });
    this.pc.onconnectionstatechange = () => (this.seen.state = this.pc.connectionState);
    this.pc.onicecandidate = ({ candidate }) => this.found(candidate);
    this.pc.ontrack = ({ track }) =>
      track.kind === "video" ? this.show(track) : this.listen(track);
    if (microphone) {
      const stream = await this.microphone();
      this.pc.addTransceiver(stream.getAudioTracks()[0], {
        direction: "sendrecv",
        streams: [stream],
      });
    } else {
      this.pc.addTransceiver("audio", { direction: "recvonly" });
    }
    if (video) {
      const { receiver } = this.pc.addTransceiver("video", { direction: "recvonly" });
      if (mayAskForKeyframes) this.transform(receiver);
    }
    await this.pc.setLocalDescription();
    return this.pc.localDescription?.sdp;
  }

  /** Take a call of the device's.
   * @param {{ sdp: string }} invitation */
  async accept({ sdp }) {
    this.measure = false;
    const pc = (this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
    pc.onconnectionstatechange = () => (this.seen.state = pc.connectionState);
    pc.onicecandidate = ({ candidate }) => this.found(candidate);
    pc.ontrack = ({ track }) => (track.kind === "video" ? this.show(track) : this.listen(track));
    const stream = await this.microphone();
    pc.addTrack(stream.getAudioTracks()[0], stream);
    await pc.setRemoteDescription({ type: "offer", sdp });
    await pc.setLocalDescription();
    signal({ type: "response", callStatus: "ACCEPTED", sdp: pc.localDescription?.sdp });
  }

  async microphone() {
    const asItIs = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: this.ears ? asItIs : true });
    if (this.ears) await this.hear(stream, "said");
    return stream;
  }

  /** @param {any} message */
  async receive(message) {
    if (message.type === "response" && message.callStatus === "ACCEPTED") {
      await this.pc.setRemoteDescription({ type: "answer", sdp: message.sdp });
    } else if (message.type === "candidate") {
      await (this.fresh ?? this.pc).addIceCandidate(message.candidate);
    } else if (message.type === "offer") {
      await this.renew(message);
    } else if (message.type === "close" || message.type === "response") {
      this.seen.closed = message.reason;
      this.pc.close();
    }
  }

  /** The device offers a fresh transport; the old one stays until that is connected.
   * @param {{ generation: number, sdp: string }} offer */
  async renew({ generation, sdp }) {
    this.fresh?.close();
    const pc = (this.fresh = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
    pc.ontrack = ({ track }) => {
      if (track.kind === "video") pc.video = track;
    };
    pc.onconnectionstatechange = () => {
      if (pc.connectionState !== "connected" || this.fresh !== pc) return;
      this.pc.onconnectionstatechange = null;
      this.pc.close();
      [this.pc, this.fresh] = [pc, null];
      this.seen.renewals += 1;
      if (pc.video)
        /** @type {any} */ (document.getElementById("screen")).srcObject = new MediaStream([
          pc.video,
        ]);
    };
    await pc.setRemoteDescription({ type: "offer", sdp });
    await pc.setLocalDescription();
    await new Promise((resolve) => setTimeout(resolve, 20)); // those of this machine are there by then
    signal({ type: "answer", generation, sdp: pc.localDescription?.sdp });
  }

  hangUp() {
    signal({ type: "close", reason: "user_hangup" });
    this.pc.close();
  }

  /** Have the receiver send a PLI. */
  async askForKeyframe() {
    const { port1, port2 } = new MessageChannel();
    const answered = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
    this.keyframes?.postMessage(null, [port2]);
    const fault = await answered;
    if (fault !== null) throw new Error(fault);
  }

  /** W3C statistics of one type, by kind. @param {string} type */
  async statistics(type) {
    /** @type {Record<string, any>} */
    const found = {};
    (await this.pc.getStats()).forEach((each) => {
      if (each.type === type) found[each.kind] = each;
    });
    return found;
  }

  /** @param {?RTCIceCandidate} candidate */
  found(candidate) {
    if (candidate?.candidate) this.candidates.push(candidate.candidate);
    signal({ type: "candidate", candidate: candidate?.candidate ? candidate.toJSON() : null });
  }

  /** @param {RTCRtpReceiver} receiver */
  transform(receiver) {
    const worker = new Worker(
      URL.createObjectURL(new Blob([TRANSFORM], { type: "text/javascript" })),
    );
    const { port1, port2 } = new MessageChannel();
    this.keyframes = port1;
    receiver.transform = new RTCRtpScriptTransform(worker, { port: port2 }, [port2]);
  }

  /** @param {MediaStreamTrack} track */
  show(track) {
    const screen = /** @type {HTMLVideoElement} */ (document.getElementById("screen"));
    const canvas = new OffscreenCanvas(1, STRIP_ROWS);
    const paper = /** @type {OffscreenCanvasRenderingContext2D} */ (
      canvas.getContext("2d", { willReadFrequently: true })
    );
    const onFrame = (
      /** @type {number} */ _,
      /** @type {VideoFrameCallbackMetadata} */ { width, height },
    ) => {
      const now = Date.now();
      this.seen.firstFrame ||= now;
      this.seen.frames += 1;
      [this.seen.width, this.seen.height] = [width, height];
      if (this.measure) this.ages.push(strip(screen, width, canvas, paper, now));
      screen.requestVideoFrameCallback(onFrame);
    };
    screen.requestVideoFrameCallback(onFrame);
    screen.srcObject = new MediaStream([track]);
  }

  /** @param {MediaStreamTrack} track */
  listen(track) {
    const stream = new MediaStream([track]);
    /** @type {HTMLAudioElement} */ (document.getElementById("speaker")).srcObject = stream; // without it nothing flows
    if (this.ears) this.hear(stream, "came");
    if (!this.measure) return;
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      for (const sample of samples)
        this.seen.loudest = Math.max(this.seen.loudest, Math.abs(sample));
    }, 20);
  }

  /** Keep what a stream sounds like. @param {MediaStream} stream @param {string} which */
  async hear(stream, which) {
    const context = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
    const code = await (await fetch("ear-worklet.js")).text(); // nothing serves it to a worklet
    await context.audioWorklet.addModule(
      URL.createObjectURL(new Blob([code], { type: "text/javascript" })),
    );
    const ear = new AudioWorkletNode(context, "ear");
    ear.connect(context.destination); // silent, yet without it the browser does not tell what its card takes
    ear.port.onmessage = ({ data }) => this.heard[which].push(data);
    context.createMediaStreamSource(stream).connect(ear);
    const { latency = 0 } = stream.getAudioTracks()[0].getSettings();
    this.cards[which] = () => (which === "said" ? latency : context.outputLatency);
  }
}

/** How long ago the picture on `screen` was captured, from its time strip; NaN where a cell is neither black nor white. */
function strip(screen, width, canvas, paper, now) {
  if (canvas.width !== width) canvas.width = width;
  paper.drawImage(screen, 0, 0, width, STRIP_ROWS, 0, 0, width, STRIP_ROWS);
  const row = paper.getImageData(0, STRIP_ROWS / 2, width, 1).data;
  let captured = 0;
  for (let cell = 0; cell < STRIP_CELLS; cell += 1) {
    const green = row[4 * Math.floor(((2 * cell + 1) * width) / (2 * STRIP_CELLS)) + 1];
    if (green > 100 && green < 155) return NaN;
    captured = 2 * captured + (green > 127 ? 1 : 0);
  }
  const age = (now - captured) % STRIP_MODULUS;
  const positive = age < 0 ? age + STRIP_MODULUS : age;
  return positive < STRIP_MODULUS / 2 ? positive : positive - STRIP_MODULUS;
}

const caller = new Caller();
