// @ts-nocheck
/** Codecs, as a browser negotiates them. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { codecOf, preferH264 } from "../../../agent/web/callbox/codecs.js";

const H264 = { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=42e01f" };
const SINGLE_NAL = { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=0" };
const VP8 = { mimeType: "video/VP8" };
const RTX = { mimeType: "video/rtx" };

/** What a transceiver is told to prefer, in a browser with these codecs; null for nothing. */
function preferred(codecs, only) {
  globalThis.RTCRtpReceiver = { getCapabilities: () => ({ codecs }) };
  let told = null;
  preferH264({ setCodecPreferences: (list) => (told = list) }, only);
  return told;
}

afterEach(() => delete globalThis.RTCRtpReceiver);

test("H.264 in packetization mode 1 goes first, and what else there is behind it", () => {
  assert.deepEqual(preferred([VP8, SINGLE_NAL, RTX, H264], false), [H264, VP8, SINGLE_NAL, RTX]);
});

test("where only H.264 is wanted, retransmission stays beside it", () => {
  assert.deepEqual(preferred([VP8, SINGLE_NAL, RTX, H264], true), [H264, RTX]);
});

test("a browser without H.264, or that cannot be told, is left alone", () => {
  assert.equal(preferred([VP8, RTX], true), null);
  preferH264({}, true);
  delete globalThis.RTCRtpReceiver;
  preferH264({ setCodecPreferences: assert.fail }, true);
});

test("the codec of a track is named without its kind", () => {
  assert.equal(codecOf({ getParameters: () => ({ codecs: [{ mimeType: "audio/opus" }] }) }), "opus");
  assert.equal(codecOf({ getParameters: () => ({ codecs: [] }) }), undefined);
  assert.equal(codecOf({}), undefined);
});
