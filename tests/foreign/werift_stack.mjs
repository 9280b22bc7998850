// werift as a foreign peer; see stack.py for the lines that it reads and writes.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { isKeyFrame } from "./h264.mjs";

// the folder that `npm install` was run in, as modules are looked for beside this file otherwise
const require = createRequire(process.argv[3] + "/package.json");
const {
  RTCPeerConnection, RTCRtpCodecParameters, MediaStreamTrack, RtpPacket, RtpHeader,
} = require("werift");
// one picture as the payload of one packet, sent again and again
const picture = Buffer.from(process.argv[4], "hex");

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const role = process.argv[2];
// of the one call of the moment
let peer, microphone, camera, ssrc, ticks;

function begin() {
  microphone = new MediaStreamTrack({ kind: "audio" });
  camera = new MediaStreamTrack({ kind: "video" });
  ticks = [];
  peer = new RTCPeerConnection({
    codecs: {
      audio: [new RTCRtpCodecParameters({ mimeType: "audio/opus", clockRate: 48000, channels: 2 })],
      video: [
        new RTCRtpCodecParameters({
          mimeType: "video/H264", clockRate: 90000,
          rtcpFeedback: [{ type: "nack" }, { type: "nack", parameter: "pli" }, { type: "ccm", parameter: "fir" }],
          parameters: "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
        }),
      ],
    },
  });
  watch();
}

function watch() {
  const own = peer;
  const seen = new Set();
  let whole = false;
  own.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe((packet) => {
      if (track.kind === "video") {
        ssrc = packet.header.ssrc;
        if (isKeyFrame(packet.payload)) {
          whole = true;
          say({ type: "key_frame" });
        }
        if (whole && packet.header.marker && !seen.has("picture")) {
          seen.add("picture");
          say({ type: "picture" });
        }
      }
      if (!seen.has(track.kind)) {
        seen.add(track.kind);
        say({ type: "media", kind: track.kind });
      }
    });
  });
  own.connectionStateChange.subscribe((state) => {
    if (own !== peer) return;
    if (state === "connected") say({ type: "connected" });
    if (state === "failed" || state === "closed") say({ type: "ended", state });
  });
}

async function end() {
  ticks.forEach(clearInterval);
  const ended = peer;
  peer = null;
  await ended.close();
}

function speak() {
  let number = 0;
  const sound = setInterval(() => {
    const header = new RtpHeader({ sequenceNumber: number & 0xffff, timestamp: (number * 960) >>> 0, payloadType: 96 });
    microphone.writeRtp(new RtpPacket(header, Buffer.from([0xf8, 0xff, 0xfe])));
    number += 1;
  }, 20);
  let pictures = 0;
  const video = setInterval(() => {
    const header = new RtpHeader({
      sequenceNumber: pictures & 0xffff, timestamp: (pictures * 6000) >>> 0, payloadType: 97, marker: true,
    });
    camera.writeRtp(new RtpPacket(header, picture));
    pictures += 1;
  }, 1000 / 15);
  ticks.push(sound, video);
}

// RFC 5104 4.3.1; the library reads it, and has no name for who wants to send it
function fullIntraRequest(own) {
  const packet = Buffer.alloc(20);
  packet.writeUInt32BE(0x84ce0004, 0);
  packet.writeUInt32BE(own, 4);
  packet.writeUInt32BE(ssrc, 12);
  packet.writeUInt32BE(1 << 24, 16);
  return packet;
}

// the local description has its candidates once gathering is over
async function described() {
  while (peer.iceGatheringState !== "complete") {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return peer.localDescription.sdp;
}

async function offer() {
  peer.addTransceiver(microphone, { direction: "sendrecv" });
  peer.addTransceiver(camera, { direction: "sendrecv" });
  await peer.setLocalDescription(await peer.createOffer());
  say({ type: "offer", sdp: await described() });
}

begin();
if (role === "offer") await offer();
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "describe" && role === "offer") {
    await peer.setRemoteDescription({ type: "answer", sdp: command.sdp });
    speak();
  } else if (command.do === "describe") {
    await peer.setRemoteDescription({ type: "offer", sdp: command.sdp });
    for (const each of peer.getTransceivers()) {
      await each.sender.replaceTrack(each.kind === "audio" ? microphone : camera);
      each.setDirection("sendrecv");
    }
    await peer.setLocalDescription(await peer.createAnswer());
    say({ type: "answer", sdp: await described() });
    speak();
  } else if (command.do === "key_frame") {
    const receiver = peer.getTransceivers().find((each) => each.kind === "video").receiver;
    await receiver.sendRtcpPLI(ssrc);
  } else if (command.do === "full_intra_request") {
    const receiver = peer.getTransceivers().find((each) => each.kind === "video").receiver;
    await receiver.dtlsTransport.sendRtcp([{ serialize: () => fullIntraRequest(receiver.rtcpSsrc) }]);
  } else if (command.do === "again") {
    await end();
    begin();
    if (role === "offer") await offer();
  } else if (command.do === "close") {
    await peer.close();
    process.exit(0);
  }
}
