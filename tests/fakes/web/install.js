// @ts-check
/** Puts the fakes where a browser has the real things. */

import { FakeMediaStream } from "./media.js";
import { FakePeerConnection, transports } from "./peer-connection.js";

/** Undone by nothing: a test file has a process of its own. */
export function installFakes() {
  const codecs = [
    { mimeType: "video/VP8" },
    { mimeType: "video/rtx" },
    {
      mimeType: "video/H264",
      sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    },
    {
      mimeType: "video/H264",
      sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
    },
  ];
  transports.length = 0;
  Object.assign(FakePeerConnection.found, { early: 1, late: 0 });
  Object.assign(globalThis, {
    RTCPeerConnection: FakePeerConnection,
    RTCRtpReceiver: { getCapabilities: () => ({ codecs }) },
    MediaStream: FakeMediaStream,
  });
}
