// libdatachannel (node-datachannel) as a foreign peer; see stack.py for the lines that it reads and writes.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { isKeyFrame } from "./h264.mjs";

const require = createRequire(process.argv[3] + "/package.json");
const { PeerConnection, Audio, Video, RtcpReceivingSession, initLogger } = require("node-datachannel");

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const role = process.argv[2];
initLogger("Warning", (level, text) => process.stderr.write(`${level}: ${text}\n`));
const MICROPHONE = 4242;
const CAMERA = 4243;
// one picture as the payload of one packet, sent again and again
const picture = Buffer.from(process.argv[4], "hex");
const peer = new PeerConnection("callbox", { iceServers: [], disableAutoNegotiation: true });
const tracks = [];
const seen = new Set();
let video;
// below 96, as browsers have them for some codecs
let opus = 45;
let h264 = 39;
let heard = 0;
let whole = false;

peer.onGatheringStateChange((state) => {
  if (state !== "complete") return;
  const { sdp, type } = peer.localDescription();
  say({ type, sdp });
});
peer.onStateChange((state) => {
  if (state === "connected") {
    say({ type: "connected" });
    speak();
  }
  if (state === "failed" || state === "closed") say({ type: "ended", state });
});
peer.onTrack((track) => watch(track));

function watch(track) {
  tracks.push(track);
  const kind = track.type();
  if (kind === "video") {
    video = track;
    // without it no feedback is sent
    track.setMediaHandler(new RtcpReceivingSession());
  }
  track.onMessage((packet) => {
    if (packet.length < 13 || (packet[1] >= 192 && packet[1] <= 223)) return;
    if (!seen.has(kind)) {
      seen.add(kind);
      say({ type: "media", kind });
    }
    if (kind !== "video") return;
    let start = 12 + 4 * (packet[0] & 0x0f);
    if (packet[0] & 0x10) start += 4 + 4 * packet.readUInt16BE(start + 2);
    heard = packet.readUInt32BE(8);
    if (isKeyFrame(packet.subarray(start))) {
      whole = true;
      say({ type: "key_frame" });
    }
    if (whole && packet[1] & 0x80 && !seen.has("picture")) {
      seen.add("picture");
      say({ type: "picture" });
    }
  });
}

function cameraOf(mid) {
  const wanted = new Video(mid, "SendRecv");
  wanted.addH264Codec(h264, "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1");
  wanted.addSSRC(CAMERA, "camera", "callbox", "camera");
  return wanted;
}

function microphoneOf(mid) {
  const audio = new Audio(mid, "SendRecv");
  audio.addOpusCodec(opus);
  audio.addSSRC(MICROPHONE, "microphone", "callbox", "microphone");
  return audio;
}

function speak() {
  const microphone = tracks.find((each) => each.type() === "audio");
  const camera = tracks.find((each) => each.type() === "video");
  send(microphone, MICROPHONE, opus, 960, Buffer.from([0xf8, 0xff, 0xfe]), 20);
  send(camera, CAMERA, 0x80 | h264, 6000, picture, 1000 / 15);
}

function send(track, ssrc, type, step, payload, interval) {
  let number = 0;
  setInterval(() => {
    if (!track?.isOpen()) return;
    const packet = Buffer.alloc(12 + payload.length);
    packet.writeUInt8(0x80, 0);
    packet.writeUInt8(type, 1);
    packet.writeUInt16BE(number & 0xffff, 2);
    packet.writeUInt32BE((number * step) >>> 0, 4);
    packet.writeUInt32BE(ssrc, 8);
    packet.set(payload, 12);
    track.sendMessageBinary(packet);
    number += 1;
  }, interval);
}

// RFC 5104 4.3.1; the library has no call for it
function fullIntraRequest() {
  const packet = Buffer.alloc(20);
  packet.writeUInt32BE(0x84ce0004, 0);
  packet.writeUInt32BE(CAMERA, 4);
  packet.writeUInt32BE(heard, 12);
  packet.writeUInt32BE(1 << 24, 16);
  return packet;
}

if (role === "offer") {
  watch(peer.addTrack(microphoneOf("0")));
  watch(peer.addTrack(cameraOf("1")));
  peer.setLocalDescription("offer");
}
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "describe" && role === "offer") {
    peer.setRemoteDescription(command.sdp, "answer");
  } else if (command.do === "describe") {
    peer.setRemoteDescription(command.sdp, "offer");
    // an answer has to name the stream that it sends, with the offer's payload type
    opus = Number(/a=rtpmap:(\d+) opus\//i.exec(command.sdp)[1]);
    h264 = Number(/a=rtpmap:(\d+) H264\//i.exec(command.sdp)[1]);
    const midOf = (kind) => new RegExp(`m=${kind}[^]*?a=mid:(\\S+)`).exec(command.sdp)[1];
    watch(peer.addTrack(microphoneOf(midOf("audio"))));
    watch(peer.addTrack(cameraOf(midOf("video"))));
    peer.setLocalDescription("answer");
  } else if (command.do === "key_frame") {
    video.requestKeyframe();
  } else if (command.do === "full_intra_request") {
    video.sendMessageBinary(fullIntraRequest());
  } else if (command.do === "close") {
    peer.close();
    process.exit(0);
  }
}
