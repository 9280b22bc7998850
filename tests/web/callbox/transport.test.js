// @ts-nocheck
/** The offer and its candidates. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakePeerConnection, transports } from "../../fakes/web/peer-connection.js";
import { DEVICE, fromDevice, microphone, pass, place, scene, settle } from "./harness.js";

test("only H.264 that a device can send is asked for, sound both ways only with a microphone", async () => {
  await place({}, microphone());
  const [audio, video] = transports[0].transceivers;
  assert.deepEqual([audio.direction, video.direction], ["sendrecv", "recvonly"]);
  assert.deepEqual(
    video.preferences.map(({ mimeType }) => mimeType),
    ["video/H264", "video/rtx"],
  );
  assert.match(video.preferences[0].sdpFmtpLine, /packetization-mode=1/);
});

test("what is found later is trickled in batches, and its end told", async () => {
  FakePeerConnection.found.late = 2;
  await place();
  await pass(60);
  const [invite] = scene.broker.sentTo(DEVICE, "invite");
  assert.match(invite.sdp, /a=candidate:0 /);
  transports[0].find("candidate:8 1 udp 1 198.51.100.1 5000 typ srflx");
  transports[0].finishGathering();
  await pass(40);
  const trickled = scene.broker.sentTo(DEVICE, "candidate").map(({ candidate }) => candidate);
  assert.deepEqual(trickled, [
    { candidate: "candidate:8 1 udp 1 198.51.100.1 5000 typ srflx", sdpMid: "0", sdpMLineIndex: 0 },
    null,
  ]);
});

test("nothing is waited for once this machine's candidates are there", async () => {
  FakePeerConnection.found.late = 1;
  await place();
  await pass(10);
  assert.equal(scene.broker.sentTo(DEVICE, "invite").length, 1);
});

test("without a candidate the invitation goes out all the same", async () => {
  Object.assign(FakePeerConnection.found, { early: 0, late: 1 });
  await place();
  assert.equal(scene.broker.log.length, 0);
  await pass(60);
  assert.equal(scene.broker.sentTo(DEVICE, "invite").length, 1);
});

test("active TCP candidates are of no use to anyone", async () => {
  FakePeerConnection.found.late = 1;
  await place();
  await pass(60);
  transports[0].find("candidate:9 1 tcp 1 192.0.2.1 9 typ host tcptype active");
  await pass(40);
  assert.deepEqual(scene.broker.sentTo(DEVICE, "candidate"), []);
});

test("candidates of the remote peer are held until its answer is there", async () => {
  const { conversation } = await place();
  const line = {
    candidate: "candidate:1 1 udp 1 192.0.2.9 6000 typ host",
    sdpMid: "0",
    sdpMLineIndex: 0,
  };
  fromDevice({ type: "candidate", conversation: conversation.id, candidate: line });
  await settle();
  assert.deepEqual(transports[0].candidates, []);
  fromDevice({
    type: "response",
    conversation: conversation.id,
    callStatus: "ACCEPTED",
    sdp: "v=0\r\n",
  });
  fromDevice({ type: "candidate", conversation: conversation.id, candidate: null });
  await settle();
  assert.deepEqual(transports[0].candidates, [line, null]);
});

test("an SDP carries no more candidates than a device reads, UDP first", async () => {
  FakePeerConnection.found.early = 30;
  await place();
  const [{ sdp }] = scene.broker.sentTo(DEVICE, "invite");
  assert.equal(sdp.match(/a=candidate:/g).length, 20);
});

test("what an SDP has no room for is trickled", async () => {
  Object.assign(FakePeerConnection.found, { early: 25, late: 0 });
  await place();
  await pass(40);
  const [{ sdp }] = scene.broker.sentTo(DEVICE, "invite");
  const trickled = scene.broker.sentTo(DEVICE, "candidate").map(({ candidate }) => candidate);
  assert.equal(trickled.length, 6);
  assert.equal(trickled.at(-1), null);
  for (const { candidate, sdpMLineIndex } of trickled.slice(0, -1)) {
    assert.equal(sdpMLineIndex, 0);
    assert.ok(!sdp.includes(candidate));
  }
});

test("no more than forty candidates are trickled", async () => {
  FakePeerConnection.found.late = 1;
  await place();
  await pass(60);
  for (let i = 0; i < 60; i++) transports[0].find(`candidate:${i} 1 udp 1 192.0.2.1 ${i} typ host`);
  await pass(40);
  assert.equal(scene.broker.sentTo(DEVICE, "candidate").length, 40);
});
