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
const peer = new PeerConnection("callbox", { iceServers: [], disableAutoNegotiation: true });
const tracks = [];
const seen = new Set();
let video;
let opus = 111;

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
    if (isKeyFrame(packet.subarray(start))) say({ type: "key_frame" });
  });
}

function describe(kind) {
  if (kind === "audio") return microphoneOf("0");
  const wanted = new Video("1", "RecvOnly");
  wanted.addH264Codec(102, "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1");
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
  let number = 0;
  setInterval(() => {
    if (!microphone?.isOpen()) return;
    const packet = Buffer.alloc(15);
    packet.writeUInt8(0x80, 0);
    packet.writeUInt8(opus, 1);
    packet.writeUInt16BE(number & 0xffff, 2);
    packet.writeUInt32BE((number * 960) >>> 0, 4);
    packet.writeUInt32BE(MICROPHONE, 8);
    packet.set([0xf8, 0xff, 0xfe], 12);
    microphone.sendMessageBinary(packet);
    number += 1;
  }, 20);
}

if (role === "offer") {
  watch(peer.addTrack(describe("audio")));
  watch(peer.addTrack(describe("video")));
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
    const mid = /m=audio[^]*?a=mid:(\S+)/.exec(command.sdp)[1];
    tracks.unshift(peer.addTrack(microphoneOf(mid)));
    peer.setLocalDescription("answer");
  } else if (command.do === "key_frame") {
    video.requestKeyframe();
  } else if (command.do === "close") {
    peer.close();
    process.exit(0);
  }
}
