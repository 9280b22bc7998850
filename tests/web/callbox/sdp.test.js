// @ts-nocheck
/** Session descriptions, as they are changed here. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { hasSound } from "../../../agent/web/callbox/sdp.js";
import { transports } from "../../fakes/web/peer-connection.js";
import { fromDevice, invited, place, settle } from "./harness.js";

const SOUND_AND_PICTURE = [
  "v=0\r\na=msid-semantic:WMS *\r\n",
  "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=msid:camera sound-1\r\na=ssrc:1 cname:x\r\na=ssrc:1 msid:camera sound-1\r\n",
  "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=msid:camera picture-1\r\na=ssrc:2 msid:camera picture-1\r\n",
];

test("without lip sync the sound gets a stream of its own, in the answer as in an offer", async () => {
  const [head, sound, picture] = SOUND_AND_PICTURE;
  const apart = head + sound.replaceAll("msid:camera ", "msid:sound ") + picture;
  const answer = { type: "response", callStatus: "ACCEPTED", sdp: SOUND_AND_PICTURE.join("") };
  for (const [options, expected] of [
    [{ lipSync: false }, apart],
    [{}, answer.sdp],
  ]) {
    const { conversation } = await place(options);
    fromDevice({ ...answer, conversation: conversation.id });
    await settle();
    assert.equal(transports.at(-1).remoteDescription.sdp, expected);
    conversation.close();
    await settle();
  }
  const { conversation } = await invited({ sdp: answer.sdp });
  await conversation.accept(null, { lipSync: false });
  assert.equal(transports.at(-1).remoteDescription.sdp, apart);
});

test("sound is sent or taken as its section says, or else the session", () => {
  const section = (...lines) => ["m=audio 9 UDP/TLS/RTP/SAVPF 96", ...lines, ""].join("\r\n");
  for (const [description, sent, taken] of [
    [`v=0\r\n${section()}`, true, true],
    [`v=0\r\n${section("a=sendonly")}`, true, false],
    [`v=0\r\n${section("a=recvonly")}`, false, true],
    [`v=0\r\n${section("a=inactive")}`, false, false],
    [`v=0\r\na=recvonly\r\n${section()}`, false, true],
    [`v=0\r\na=recvonly\r\n${section("a=sendrecv")}`, true, true],
    ["v=0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 96\r\n", false, false],
    ["v=0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\n", true, true],
    ["v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", false, false],
  ]) {
    assert.deepEqual([hasSound(description, "sent"), hasSound(description, "taken")], [sent, taken]);
  }
});
