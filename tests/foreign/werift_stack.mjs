// werift as a foreign peer; see stack.py for the lines that it reads and writes.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { isKeyFrame } from "./h264.mjs";

// the folder that `npm install` was run in, as modules are looked for beside this file otherwise
const require = createRequire(process.argv[3] + "/package.json");
const { RTCPeerConnection, RTCRtpCodecParameters, MediaStreamTrack, RtpPacket, RtpHeader } = require("werift");

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const role = process.argv[2];
const peer = new RTCPeerConnection({
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
const microphone = new MediaStreamTrack({ kind: "audio" });
const seen = new Set();
let ssrc;

peer.onTrack.subscribe((track) => {
  track.onReceiveRtp.subscribe((packet) => {
    if (track.kind === "video") {
      ssrc = packet.header.ssrc;
      if (isKeyFrame(packet.payload)) say({ type: "key_frame" });
    }
    if (!seen.has(track.kind)) {
      seen.add(track.kind);
      say({ type: "media", kind: track.kind });
    }
  });
});
peer.connectionStateChange.subscribe((state) => {
  if (state === "connected") say({ type: "connected" });
  if (state === "failed" || state === "closed") say({ type: "ended", state });
});

function speak() {
  let number = 0;
  setInterval(() => {
    const header = new RtpHeader({ sequenceNumber: number & 0xffff, timestamp: (number * 960) >>> 0, payloadType: 96 });
    microphone.writeRtp(new RtpPacket(header, Buffer.from([0xf8, 0xff, 0xfe])));
    number += 1;
  }, 20);
}

// the local description has its candidates once gathering is over
async function described() {
  while (peer.iceGatheringState !== "complete") {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return peer.localDescription.sdp;
}

if (role === "offer") {
  peer.addTransceiver(microphone, { direction: "sendrecv" });
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  say({ type: "offer", sdp: await described() });
}
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "describe" && role === "offer") {
    await peer.setRemoteDescription({ type: "answer", sdp: command.sdp });
    speak();
  } else if (command.do === "describe") {
    await peer.setRemoteDescription({ type: "offer", sdp: command.sdp });
    for (const each of peer.getTransceivers()) {
      if (each.kind === "audio") each.sender.replaceTrack(microphone);
      each.setDirection(each.kind === "audio" ? "sendrecv" : "recvonly");
    }
    await peer.setLocalDescription(await peer.createAnswer());
    say({ type: "answer", sdp: await described() });
    speak();
  } else if (command.do === "key_frame") {
    const receiver = peer.getTransceivers().find((each) => each.kind === "video").receiver;
    await receiver.sendRtcpPLI(ssrc);
  } else if (command.do === "close") {
    await peer.close();
    process.exit(0);
  }
}
