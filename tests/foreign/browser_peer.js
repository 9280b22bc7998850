// @ts-check
"use strict";
// A browser as a foreign peer, driven by browser_stack.py; see stack.py for the lines that it says and is told.

/** Runs beside the page: encoded pictures pass through, key frames are told of and asked for. */
const TRANSFORM = `
  onrtctransform = ({ transformer }) => {
    const port = transformer.options.port;
    port.onmessage = () => transformer.sendKeyFrameRequest();
    const watch = new TransformStream({
      transform(frame, out) {
        if (frame.type === "key") port.postMessage(null);
        out.enqueue(frame);
      },
    });
    transformer.readable.pipeThrough(watch).pipeTo(transformer.writable);
  };`;

const parameters = new URLSearchParams(location.search);
const role = parameters.get("role");
const sendsVideo = parameters.get("video") === "sent";
const pc = new RTCPeerConnection();
/** @type {?MessagePort} */
let keyFrames = null;
/** What was said so far, as each line has to arrive behind the one before it. @type {Promise<unknown>} */
let said = Promise.resolve();

/** @param {object} line */
function say(line) {
  said = said.then(() => fetch("/said", { method: "POST", body: JSON.stringify(line) }));
}

/** @param {unknown} fault */
function fail(fault) {
  say({ type: "fault", text: String(fault) });
}

/** @param {RTCRtpReceiver} receiver */
function watchKeyFrames(receiver) {
  const worker = new Worker(URL.createObjectURL(new Blob([TRANSFORM], { type: "text/javascript" })));
  const { port1, port2 } = new MessageChannel();
  keyFrames = port1;
  port1.onmessage = () => say({ type: "key_frame" });
  receiver.transform = new RTCRtpScriptTransform(worker, { port: port2 }, [port2]);
}

/** @param {RTCTrackEvent} event */
function show({ track, receiver }) {
  const element = /** @type {HTMLMediaElement} */ (document.getElementById(track.kind));
  element.srcObject = new MediaStream([track]);
  if (track.kind === "video") {
    if (!keyFrames) watchKeyFrames(receiver);
    /** @type {HTMLVideoElement} */ (element).requestVideoFrameCallback(() => {
      say({ type: "media", kind: "video" });
      say({ type: "picture" });
    });
  } else {
    void hear();
  }
}

/** Sound counts once it was decoded and is more than silence. */
async function hear() {
  for (;;) {
    const statistics = await pc.getStats();
    for (const each of statistics.values()) {
      if (each.type === "inbound-rtp" && each.kind === "audio" && each.totalAudioEnergy > 0) {
        say({ type: "media", kind: "audio" });
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function sources() {
  const video = sendsVideo && { width: 320, height: 240, frameRate: 15 };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video });
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  if (role === "offer" && !sendsVideo) pc.addTransceiver("video", { direction: "recvonly" });
}

/** The description with all of its candidates. @param {RTCSessionDescriptionInit} [description] */
async function described(description) {
  const gathered = new Promise((resolve) => {
    pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && resolve(null);
  });
  await pc.setLocalDescription(description);
  await gathered;
  say({ type: role, sdp: pc.localDescription?.sdp });
}

async function offer() {
  await sources();
  // before the first packet, so that no key frame passes unseen
  for (const { receiver } of pc.getTransceivers()) {
    if (receiver.track.kind === "video") watchKeyFrames(receiver);
  }
  await described();
}

/** @param {{ do: string, sdp: string }} command */
async function obey(command) {
  if (command.do === "describe" && role === "offer") {
    await pc.setRemoteDescription({ type: "answer", sdp: command.sdp });
  } else if (command.do === "describe") {
    await pc.setRemoteDescription({ type: "offer", sdp: command.sdp });
    await sources();
    await described();
  } else if (command.do === "key_frame") {
    keyFrames?.postMessage(null);
  } else if (command.do === "again") {
    source.close();
    pc.close();
    await said;
    location.reload();
  } else if (command.do === "close") {
    pc.close();
  }
}

pc.ontrack = show;
pc.onconnectionstatechange = () => {
  if (pc.connectionState === "connected") say({ type: "connected" });
  if (pc.connectionState === "failed" || pc.connectionState === "closed")
    say({ type: "ended", state: pc.connectionState });
};
const source = new EventSource("/commands");
source.onmessage = ({ data }) => void obey(JSON.parse(data)).catch(fail);
if (role === "offer") void offer().catch(fail);
