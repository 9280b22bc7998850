// @ts-nocheck
/** conversation.js over fakes: every message that it sends, and what it makes of every message that it gets. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { CallClient, parseSignal } from "../../agent/web/conversation.js";
import { FakeBroker, FakeMediaStream, FakePeerConnection, FakeTrack, installFakes, transports } from "./fakes.js";

const DEVICE = "door-1";
const ME = "front-desk";
const PARTY = "device-party";
const ID = "3f0c8e52-7c55-4b8e-9a49-0d5f8e6c1a11";
const INVITE = { type: "invite", conversation: ID, party: PARTY, sdp: "v=0\r\no=device\r\n", lifetime: 30 };

let broker;
let client;

/** Lets everything run that waits for nothing but its turn. */
async function settle() {
  for (let i = 0; i < 60; i++) await Promise.resolve();
}

/** Lets `milliseconds` pass, in steps, so that what a timer starts can go on. */
async function pass(milliseconds) {
  for (let left = milliseconds; left > 0; left -= 20) {
    mock.timers.tick(Math.min(20, left));
    await settle();
  }
}

const fromDevice = (message, options) =>
  broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, { party: PARTY, ...message }, options);

async function makeClient(options = {}) {
  const made = new CallClient({
    broker: "ws://broker.test/mqtt",
    uid: ME,
    party: "me-1",
    connect: broker.connect,
    ...options,
  });
  await made.start();
  await settle();
  return made;
}

/** Records the events of a conversation, by name and in order. */
function record(conversation) {
  const events = [];
  const names = [
    "ringing",
    "response",
    "stream_received",
    "closed",
    "error",
    "local_stats",
    "remote_stats",
    "degraded",
    "restored",
  ];
  for (const name of names) conversation.on(name, (detail) => events.push([name, detail]));
  events.names = () => events.map(([name]) => name);
  events.of = (name) => events.filter(([each]) => each === name).map(([, detail]) => detail);
  return events;
}

const microphone = () => new FakeMediaStream([new FakeTrack("audio")]);

async function place(options = {}, stream = null) {
  const conversation = client.call(DEVICE, stream, options);
  const events = record(conversation);
  await settle();
  return { conversation, events };
}

async function accepted(options = {}, stream = null) {
  const call = await place(options, stream);
  fromDevice({
    type: "response",
    conversation: call.conversation.id,
    callStatus: "ACCEPTED",
    sdp: "v=0\r\na=ice-ufrag:dev\r\n",
  });
  await settle();
  return call;
}

async function connected(options = {}, stream = null) {
  const call = await accepted(options, stream);
  transports[0].connect();
  await settle();
  return call;
}

async function invited(message = {}) {
  let conversation;
  client.on("called", (called) => (conversation = called));
  fromDevice({ ...INVITE, sentAt: new Date().toISOString(), ...message });
  await settle();
  return { conversation, events: conversation && record(conversation) };
}

beforeEach(async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.UTC(2026, 10, 22, 10, 15) });
  installFakes();
  broker = new FakeBroker();
  client = await makeClient();
});

/** Whatever was sent is as the schemas say, and says nothing else. */
function checkSent() {
  for (const { message } of broker.log) {
    const { properties, required } = schemaOf(message.type);
    assert.deepEqual(parseSignal(JSON.stringify(message)), message);
    assert.deepEqual(
      Object.keys(message).filter((name) => !(name in properties)),
      [],
    );
    assert.deepEqual(
      required.filter((name) => !(name in message)),
      [],
    );
  }
}

const schemaOf = (type) =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../../config/schemas/signal-${type}.json`, import.meta.url)), "utf8"));

afterEach(() => {
  mock.timers.reset();
  checkSent();
});

// -- placing a call ----------------------------------------

test("an invitation goes out with its offer, its time and its expiry", async () => {
  const { conversation } = await place({ userData: { text: "hello" }, lifetime: 20 });
  const [{ topic, message, options }] = broker.log;
  assert.equal(topic, `callbox/v1/${DEVICE}/signal/${ME}`);
  assert.match(message.sdp, /a=candidate:0 /);
  assert.deepEqual(
    { ...message, sdp: "" },
    {
      type: "invite",
      conversation: conversation.id,
      party: "me-1",
      sdp: "",
      sentAt: "2026-11-22T10:15:00.000Z",
      lifetime: 20,
      userData: { text: "hello" },
    },
  );
  assert.deepEqual([options.qos, options.retain, options.properties.messageExpiryInterval], [1, false, 20]);
});

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

test("an invitation waits for the broker, and withers when none comes", async () => {
  broker.stop();
  const { events } = await place({ lifetime: 5 });
  assert.equal(broker.log.length, 0);
  await pass(7_100);
  assert.deepEqual(events.names(), ["error", "response", "closed"]);
  assert.equal(events.of("error")[0].code, "broker_unreachable");
  assert.equal(events.of("closed")[0].reason, "invite_timeout");
});

test("an invitation made while the broker is away goes out when it is back", async () => {
  broker.stop();
  await place();
  broker.start();
  await settle();
  assert.equal(broker.sentTo(DEVICE, "invite").length, 1);
});

test("an invitation that nobody heard is sent again until somebody does", async () => {
  broker.nobodyListens = true;
  const { conversation } = await place();
  await pass(2_100);
  broker.nobodyListens = false;
  await pass(3_000);
  const invites = broker.sentTo(DEVICE, "invite");
  assert.equal(invites.length, 4);
  assert.ok(invites.every((invite) => invite.conversation === conversation.id && invite.sentAt === invites[0].sentAt));
});

test("a cancelled invitation is not sent again", async () => {
  broker.nobodyListens = true;
  const { conversation } = await place();
  conversation.close();
  await pass(3_000);
  assert.equal(broker.sentTo(DEVICE, "invite").length, 1);
});

test("ringing, then accepted: selected, answered, streamed", async () => {
  const { conversation, events } = await place();
  fromDevice({ type: "ringing", conversation: conversation.id, expiresIn: 28 });
  await settle();
  assert.equal(conversation.state, "ringing");
  fromDevice({ type: "response", conversation: conversation.id, callStatus: "ACCEPTED", sdp: "v=0\r\no=device\r\n" });
  await settle();
  assert.deepEqual(events.names(), ["ringing", "response", "stream_received"]);
  assert.deepEqual(broker.sentTo(DEVICE, "select"), [
    { type: "select", selectedParty: PARTY, conversation: conversation.id, party: "me-1" },
  ]);
  assert.deepEqual(events.of("stream_received")[0].tracks, [
    { kind: "audio", codec: "opus" },
    { kind: "video", codec: "H264" },
  ]);
  assert.equal(transports[0].remoteDescription.sdp, "v=0\r\no=device\r\n");
});

for (const [callStatus, reason, end] of [
  ["REJECTED", "not_allowed", "rejected"],
  ["BUSY", "busy", "user_busy"],
  ["TIMEOUT", "no_answer", "invite_timeout"],
]) {
  test(`${callStatus} ends the call once, with its reason`, async () => {
    const { conversation, events } = await place();
    const answer = { type: "response", conversation: conversation.id, callStatus, reason };
    fromDevice(answer);
    fromDevice(answer);
    await settle();
    assert.deepEqual(events.names(), ["response", "closed"]);
    assert.deepEqual(events.of("response")[0], { callStatus, reason });
    const [closed] = events.of("closed");
    assert.deepEqual(
      [closed.reason, closed.closedBy, closed.callStatus, closed.responseReason],
      [end, "remote", callStatus, reason],
    );
    assert.deepEqual(broker.sentTo(DEVICE, "close"), []);
    assert.ok(transports[0].closed);
  });
}

test("nobody answers: the invitation is withdrawn after its lifetime", async () => {
  const { events } = await place({ lifetime: 10 });
  await pass(12_100);
  assert.deepEqual(events.of("response"), [{ callStatus: "TIMEOUT", reason: "no_answer" }]);
  assert.equal(broker.sentTo(DEVICE, "close")[0].reason, "invite_timeout");
  assert.equal(events.of("closed").length, 1);
});

test("closed before an answer is cancelled; a late ACCEPTED starts nothing", async () => {
  const { conversation, events } = await place();
  conversation.close();
  fromDevice({ type: "response", conversation: conversation.id, callStatus: "ACCEPTED", sdp: "v=0" });
  await settle();
  assert.deepEqual(events.names(), ["closed"]);
  assert.deepEqual([events[0][1].reason, events[0][1].closedBy], ["cancelled", "local"]);
  assert.equal(broker.sentTo(DEVICE, "close")[0].reason, "cancelled");
});

test("a caller whose clock is wrong invites once more, under a new id", async () => {
  const { conversation, events } = await place();
  const first = conversation.id;
  fromDevice({
    type: "response",
    conversation: first,
    callStatus: "TIMEOUT",
    reason: "expired",
    now: "2027-01-01T00:00:00.000Z",
  });
  await settle();
  const [, again] = broker.sentTo(DEVICE, "invite");
  assert.notEqual(again.conversation, first);
  assert.equal(conversation.id, again.conversation);
  assert.equal(again.sentAt, "2027-01-01T00:00:00.000Z");
  assert.deepEqual(events.names(), []);
  fromDevice({
    type: "response",
    conversation: again.conversation,
    callStatus: "TIMEOUT",
    reason: "expired",
    now: "2027-01-01T00:00:00.000Z",
  });
  await settle();
  assert.deepEqual(events.names(), ["response", "closed"]);
});

test("a second client of the device that accepts too late hears who was selected", async () => {
  const { conversation, events } = await accepted();
  fromDevice({ type: "response", conversation: conversation.id, party: "another", callStatus: "ACCEPTED", sdp: "v=0" });
  fromDevice({ type: "close", conversation: conversation.id, party: "another", reason: "user_hangup" });
  await settle();
  assert.deepEqual(
    broker.sentTo(DEVICE, "select").map(({ selectedParty }) => selectedParty),
    [PARTY, PARTY],
  );
  assert.deepEqual(events.of("closed"), []);
});

test("BUSY from one client does not end a call that rings at another", async () => {
  const { conversation, events } = await place();
  fromDevice({ type: "ringing", conversation: conversation.id, party: "phone", expiresIn: 20 });
  fromDevice({ type: "response", conversation: conversation.id, party: "tablet", callStatus: "BUSY", reason: "busy" });
  await settle();
  assert.deepEqual(events.names(), ["ringing"]);
});

test("never connected is ice_failed", async () => {
  const { events } = await accepted();
  await pass(15_100);
  assert.equal(events.of("closed")[0].reason, "ice_failed");
  assert.equal(broker.sentTo(DEVICE, "close")[0].reason, "ice_failed");
});

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

test("an answer that no browser can use ends the call and says so", async () => {
  const { conversation, events } = await place();
  fromDevice({
    type: "response",
    conversation: conversation.id,
    callStatus: "ACCEPTED",
    sdp: FakePeerConnection.unusable,
  });
  await settle();
  assert.deepEqual(events.names(), ["response", "error", "closed"]);
  assert.equal(events.of("error")[0].code, "unusable_description");
});

test("an error about the invitation ends it", async () => {
  const { conversation, events } = await place();
  fromDevice({
    type: "error",
    conversation: conversation.id,
    code: "invalid",
    message: "invite.sdp: must be a string",
  });
  await settle();
  assert.deepEqual(events.names(), ["error", "response", "closed"]);
  assert.equal(events.of("closed")[0].responseReason, "invalid");
});

test("there is room for one call by default", async () => {
  await place();
  assert.throws(() => client.call("door-2"), /room for 1/);
});

test("what cannot be sent is refused before anything happens", () => {
  assert.throws(() => client.call("no/uid"), /remoteUid/);
  assert.throws(() => client.call(ME), /oneself/);
  assert.throws(() => client.call(DEVICE, null, { userData: "x".repeat(5000) }), /4096/);
  assert.throws(() => client.call(DEVICE, null, { lifetime: 0 }), /1 to 120/);
  assert.equal(transports.length, 0);
});

// -- candidates ----------------------------------------

test("what is found later is trickled in batches, and its end told", async () => {
  FakePeerConnection.found.late = 2;
  await place();
  await pass(60);
  const [invite] = broker.sentTo(DEVICE, "invite");
  assert.match(invite.sdp, /a=candidate:0 /);
  transports[0].find("candidate:8 1 udp 1 198.51.100.1 5000 typ srflx");
  transports[0].finishGathering();
  await pass(40);
  const trickled = broker.sentTo(DEVICE, "candidate").map(({ candidate }) => candidate);
  assert.deepEqual(trickled, [
    { candidate: "candidate:8 1 udp 1 198.51.100.1 5000 typ srflx", sdpMid: "0", sdpMLineIndex: 0 },
    null,
  ]);
});

test("nothing is waited for once this machine's candidates are there", async () => {
  FakePeerConnection.found.late = 1;
  await place();
  await pass(10);
  assert.equal(broker.sentTo(DEVICE, "invite").length, 1);
});

test("without a candidate the invitation goes out all the same", async () => {
  Object.assign(FakePeerConnection.found, { early: 0, late: 1 });
  await place();
  assert.equal(broker.log.length, 0);
  await pass(60);
  assert.equal(broker.sentTo(DEVICE, "invite").length, 1);
});

test("active TCP candidates are of no use to anyone", async () => {
  FakePeerConnection.found.late = 1;
  await place();
  await pass(60);
  transports[0].find("candidate:9 1 tcp 1 192.0.2.1 9 typ host tcptype active");
  await pass(40);
  assert.deepEqual(broker.sentTo(DEVICE, "candidate"), []);
});

test("candidates of the far side are held until its answer is there", async () => {
  const { conversation } = await place();
  const line = { candidate: "candidate:1 1 udp 1 192.0.2.9 6000 typ host", sdpMid: "0", sdpMLineIndex: 0 };
  fromDevice({ type: "candidate", conversation: conversation.id, candidate: line });
  await settle();
  assert.deepEqual(transports[0].candidates, []);
  fromDevice({ type: "response", conversation: conversation.id, callStatus: "ACCEPTED", sdp: "v=0\r\n" });
  fromDevice({ type: "candidate", conversation: conversation.id, candidate: null });
  await settle();
  assert.deepEqual(transports[0].candidates, [line, null]);
});

test("an SDP carries no more candidates than a device reads, UDP first", async () => {
  FakePeerConnection.found.early = 30;
  await place();
  const [{ sdp }] = broker.sentTo(DEVICE, "invite");
  assert.equal(sdp.match(/a=candidate:/g).length, 20);
});

test("no more than forty candidates are trickled", async () => {
  FakePeerConnection.found.late = 1;
  await place();
  await pass(60);
  for (let i = 0; i < 60; i++) transports[0].find(`candidate:${i} 1 udp 1 192.0.2.1 ${i} typ host`);
  await pass(40);
  assert.equal(broker.sentTo(DEVICE, "candidate").length, 40);
});

// -- the end ----------------------------------------

test("hanging up is told by MQTT and by the channel, and recorded once", async () => {
  const { conversation, events } = await connected();
  await pass(2_000);
  conversation.close();
  conversation.close();
  await pass(300);
  assert.equal(broker.sentTo(DEVICE, "close").length, 1);
  assert.equal(transports[0].channels[0].sent.length, 1);
  assert.equal(events.of("closed").length, 1);
  const [closed] = events.of("closed");
  assert.deepEqual(
    [closed.reason, closed.closedBy, closed.callStatus, closed.direction],
    ["user_hangup", "local", "ACCEPTED", "outgoing"],
  );
  assert.deepEqual(closed.path, { local: "host", remote: "relay", protocol: "udp", relayed: true });
  assert.equal(closed.video.frameWidth, 1280);
  assert.equal(closed.quality.model, "e-model-simplified");
  assert.ok(transports[0].closed);
  assert.deepEqual(client.conversations, []);
});

test("the far side hangs up: no close of our own goes back", async () => {
  const { conversation, events } = await connected();
  fromDevice({ type: "close", conversation: conversation.id, reason: "shutdown" });
  fromDevice({ type: "close", conversation: conversation.id, reason: "shutdown" });
  await pass(300);
  assert.deepEqual([events.of("closed")[0].reason, events.of("closed")[0].closedBy], ["shutdown", "remote"]);
  assert.equal(events.of("closed").length, 1);
  assert.deepEqual(broker.sentTo(DEVICE, "close"), []);
});

test("a reason of a later protocol is unknown_reason", async () => {
  const { conversation, events } = await connected();
  fromDevice({ type: "close", conversation: conversation.id, reason: "teleported" });
  await pass(300);
  assert.equal(events.of("closed")[0].reason, "unknown_reason");
});

test("a close on the data channel ends the call while the broker is away", async () => {
  const { conversation, events } = await connected();
  broker.stop();
  const close = { type: "close", conversation: conversation.id, party: PARTY, reason: "user_hangup" };
  transports[0].channels[0].onmessage({ data: JSON.stringify(close) });
  await pass(300);
  assert.equal(events.of("closed")[0].closedBy, "remote");
});

test("what does not belong on the data channel is ignored there", async () => {
  const { conversation, events } = await connected();
  const { onmessage } = transports[0].channels[0];
  const close = { type: "close", conversation: ID, party: PARTY, reason: "user_hangup" };
  for (const data of [
    "",
    "{",
    "x".repeat(70_000),
    JSON.stringify(close),
    JSON.stringify({ ...close, type: "response", callStatus: "BUSY" }),
  ])
    onmessage({ data });
  onmessage({ data: JSON.stringify({ ...close, conversation: conversation.id, party: "somebody" }) });
  await pass(300);
  assert.deepEqual(events.of("closed"), []);
});

test("connected, yet nothing arrives: media_timeout", async () => {
  const { events } = await accepted();
  transports[0].connect();
  transports[0].packetsReceived = 0;
  setInterval(() => (transports[0].otherPacketsReceived += 1), 500);
  await pass(15_100);
  assert.equal(events.of("closed")[0].reason, "media_timeout");
});

test("stopping the client hangs up", async () => {
  const { events } = await connected();
  const stopped = client.stop();
  await pass(1_500);
  await stopped;
  assert.equal(broker.sentTo(DEVICE, "close")[0].reason, "user_hangup");
  assert.equal(events.of("closed").length, 1);
});

// -- statistics ----------------------------------------

test("statistics every two seconds, under W3C names, what is unknown left out", async () => {
  const { events } = await connected();
  for (let second = 0; second < 6; second++) {
    transports[0].packetsReceived += 100;
    transports[0].framesDecoded += 30;
    await pass(1_000);
  }
  assert.equal(events.of("remote_stats").length, 3);
  const { video, transport } = events.of("remote_stats")[1];
  assert.deepEqual(Object.keys(video).slice(0, 6), [
    "frameWidth",
    "frameHeight",
    "framesPerSecond",
    "bytesReceived",
    "bitrate",
    "delay",
  ]);
  assert.equal(video.codec, "H264");
  assert.equal(video.delay, 60); // half of 20 ms, and 50 ms in the receiver
  assert.equal(video.packetsLost, 2);
  assert.deepEqual(
    [transport.localCandidateType, transport.remoteCandidateType, transport.relayed],
    ["host", "relay", true],
  );
  assert.ok(!("framesPerSecondUnknown" in video));
  assert.ok(!("audio" in events.of("remote_stats")[1]));
});

// -- a fresh transport ----------------------------------------

/** Packets keep arriving at a transport. */
function keepArriving(transport) {
  setInterval(() => (transport.packetsReceived += transport.closed ? 0 : 50), 500);
}

test("a lost transport is replaced; the old one goes when the new one is connected", async () => {
  const { conversation, events } = await connected({}, microphone());
  keepArriving(transports[0]);
  transports[0].disconnect();
  await settle();
  const [offer] = broker.sentTo(DEVICE, "offer");
  assert.equal(offer.generation, 1);
  assert.equal(events.of("degraded")[0].cause, "disconnected");
  assert.ok(conversation.degraded);
  fromDevice({ type: "answer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  assert.ok(!transports[0].closed);
  transports[1].connect();
  await pass(1_100);
  assert.ok(transports[0].closed);
  assert.deepEqual(events.of("restored"), [{ generation: 1 }]);
  assert.equal(conversation.reconnects, 1);
  assert.deepEqual(
    conversation.remoteStream.getTracks(),
    transports[1].getReceivers().map(({ track }) => track),
  );
  conversation.close();
  await pass(300);
  assert.equal(events.of("closed")[0].reconnects, 1);
});

test("nothing arrives for three seconds: a fresh transport, once", async () => {
  const { events } = await connected();
  await pass(4_100);
  assert.equal(events.of("degraded").length, 1);
  assert.equal(events.of("degraded")[0].cause, "media_stalled");
});

test("an offer without an answer is repeated, and after 15 s it is ice_timeout", async () => {
  const { events } = await connected();
  transports[0].fail();
  await pass(14_900);
  assert.deepEqual(
    broker.sentTo(DEVICE, "offer").map(({ generation }) => generation),
    [1, 2, 3],
  );
  await pass(200);
  assert.equal(events.of("closed")[0].reason, "ice_timeout");
  assert.ok(transports.every(({ closed }) => closed));
});

test("a far side that still speaks is waited for, with a bound", async () => {
  const { conversation, events } = await connected();
  transports[0].fail();
  for (let generation = 1; generation <= 8; generation += 1) {
    await settle();
    fromDevice({ type: "answer", conversation: conversation.id, generation, sdp: "v=0\r\nfresh" });
    await pass(5_000);
  }
  await pass(4_800);
  assert.deepEqual(events.of("closed"), []);
  await pass(400);
  assert.equal(events.of("closed")[0].reason, "ice_timeout");
  assert.equal(events.of("degraded").length, 1);
});

test("a renewal for a network change that comes to nothing leaves the old transport", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await pass(15_100);
  assert.deepEqual(events.of("closed"), []);
  assert.deepEqual(events.of("restored"), [{ generation: 0 }]);
  assert.ok(!transports[0].closed);
});

test("a fresh transport that the far side offers while the first one connects may be quicker", async () => {
  const { conversation, events } = await accepted();
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  assert.equal(broker.sentTo(DEVICE, "answer")[0].generation, 1);
  transports[0].fail();
  transports[1].connect();
  await settle();
  assert.equal(conversation.state, "connected");
  assert.ok(transports[0].closed);
  keepArriving(transports[1]);
  await pass(15_100);
  assert.deepEqual(
    ["degraded", "restored", "stream_received", "closed"].map((name) => events.of(name).length),
    [0, 0, 1, 0],
  );
  assert.equal(conversation.reconnects, 0);
});

test("our network changes while the first transport connects", async () => {
  const { conversation, events } = await accepted();
  conversation.networkChanged();
  await settle();
  assert.equal(broker.sentTo(DEVICE, "offer")[0].generation, 1);
  fromDevice({ type: "answer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  transports[1].connect();
  await settle();
  assert.equal(conversation.state, "connected");
  assert.ok(transports[0].closed);
  keepArriving(transports[1]);
  await pass(15_100);
  assert.equal(broker.sentTo(DEVICE, "offer").length, 1);
  assert.deepEqual(events.of("closed"), []);
});

test("our network changes before there is an answer: a fresh transport follows the acceptance", async () => {
  const { conversation } = await place();
  conversation.networkChanged();
  conversation.networkChanged();
  await settle();
  assert.equal(transports.length, 1);
  fromDevice({ type: "response", conversation: conversation.id, callStatus: "ACCEPTED", sdp: "v=0\r\nanswer" });
  await settle();
  assert.equal(transports.length, 2);
  assert.deepEqual(
    broker.sentTo(DEVICE, "offer").map(({ generation }) => generation),
    [1],
  );
});

test("our network changes while the answer is made, and before that", async () => {
  const { conversation } = await invited();
  conversation.networkChanged(); // the answer will have the new addresses
  const accepting = conversation.accept();
  await settle();
  await accepting;
  assert.deepEqual(broker.sentTo(DEVICE, "offer"), []);
  conversation.close();

  const { conversation: second } = await invited({ conversation: ID.replace("3", "4") });
  const answering = second.accept();
  second.networkChanged();
  await answering;
  await settle();
  assert.equal(broker.sentTo(DEVICE, "response").at(-1).callStatus, "ACCEPTED");
  assert.equal(broker.sentTo(DEVICE, "offer")[0].generation, 1);
});

test("a fresh transport that comes to nothing while the first one connects costs nothing", async () => {
  const { conversation, events } = await accepted();
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  transports[0].connect();
  keepArriving(transports[0]);
  transports[1].fail();
  await pass(20_000);
  assert.equal(conversation.state, "connected");
  assert.ok(!conversation.degraded);
  assert.deepEqual(events.of("restored"), [{ generation: 0 }]);
  assert.deepEqual(events.of("closed"), []);
});

test("fresh transports do not put the end of the setup off", async () => {
  const { conversation, events } = await accepted();
  for (let generation = 1; generation <= 3; generation += 1) {
    await pass(4_000);
    fromDevice({ type: "offer", conversation: conversation.id, generation, sdp: "v=0\r\nfresh" });
  }
  await pass(3_200);
  assert.equal(events.of("closed")[0].reason, "ice_failed");
  assert.ok(transports.every(({ closed }) => closed));
});

for (const farewell of ["closeChannel", "closeDtls"]) {
  test(`${farewell}() of the far side is a last word, two seconds later`, async () => {
    const { events } = await connected();
    broker.stop();
    transports[0][farewell]();
    await pass(1_900);
    assert.deepEqual(events.of("closed"), []);
    await pass(400);
    const [{ reason, closedBy }] = events.of("closed");
    assert.deepEqual([reason, closedBy], ["user_hangup", "remote"]);
    assert.deepEqual(events.of("degraded"), []);
  });
}

test("a far side that closes the transport and offers a fresh one has not hung up", async () => {
  const { conversation, events } = await connected();
  transports[0].closeDtls();
  transports[0].closeChannel();
  await pass(1_000);
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await pass(2_000);
  assert.deepEqual(events.of("closed"), []);
  transports[1].connect();
  await pass(1_100);
  assert.deepEqual(events.of("restored"), [{ generation: 1 }]);
  keepArriving(transports[1]);
  await pass(3_000);
  assert.deepEqual(events.of("closed"), []);
});

test("a far side that takes our fresh transport closes the old one, and has not hung up", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await settle();
  fromDevice({ type: "answer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  transports[0].closeDtls();
  await pass(2_500);
  assert.deepEqual(events.of("closed"), []);
});

test("a far side that does not answer our offer and closes the transport has hung up", async () => {
  const { conversation, events } = await connected();
  conversation.networkChanged();
  await settle();
  transports[0].closeDtls();
  await pass(2_300);
  assert.equal(events.of("closed")[0].reason, "user_hangup");
  assert.ok(transports.every(({ closed }) => closed));
});

test("a far side that closes the channel alone, and sends on, has not hung up", async () => {
  const { events } = await connected();
  keepArriving(transports[0]);
  transports[0].closeChannel();
  await pass(5_000);
  assert.deepEqual(events.of("closed"), []);
});

test("a channel that a failed path takes along is no last word", async () => {
  const { events } = await connected();
  transports[0].fail();
  transports[0].closeChannel();
  await pass(2_500);
  assert.deepEqual(events.of("closed"), []);
});

test("an offer of the far side is answered, and again when it comes again", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  const offer = { type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" };
  fromDevice(offer);
  await settle();
  fromDevice(offer);
  await settle();
  const answers = broker.sentTo(DEVICE, "answer");
  assert.deepEqual(
    answers.map(({ generation }) => generation),
    [1, 1],
  );
  assert.equal(answers[0].sdp, answers[1].sdp);
  assert.equal(transports.length, 2);
  transports[1].connect();
  await pass(1_100);
  assert.deepEqual(events.of("restored"), [{ generation: 1 }]);
  fromDevice(offer);
  fromDevice({ ...offer, generation: 0 });
  await settle();
  assert.equal(transports.length, 2);
});

test("a fresh transport that fails before anything arrives on it is not taken over", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await settle();
  for (const { track } of transports[1].getReceivers()) track.muted = true;
  transports[1].connect();
  transports[1].fail();
  await pass(2_000);
  assert.ok(!transports[0].closed);
  assert.deepEqual(events.of("restored"), []);
  assert.equal(conversation.reconnects, 0);
});

test("a fresh transport carries the media as soon as it arrives there", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await settle();
  for (const { track } of transports[1].getReceivers()) track.muted = true;
  transports[1].connect();
  await settle();
  assert.deepEqual(events.of("restored"), []);
  for (const { track } of transports[1].getReceivers()) track.dispatchEvent(new Event("unmute"));
  await settle();
  assert.deepEqual(events.of("restored"), [{ generation: 1 }]);
});

test("an offer of a generation that is over is ignored", async () => {
  const { conversation } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await settle();
  transports[1].connect();
  await pass(1_100);
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nlate" });
  await settle();
  assert.equal(transports.length, 2);
  assert.deepEqual(broker.sentTo(DEVICE, "answer"), []);
});

test("on a collision the inviter's offer wins", async () => {
  const { conversation } = await connected();
  keepArriving(transports[0]);
  transports[0].disconnect();
  await settle();
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\ntheirs" });
  await settle();
  assert.deepEqual(broker.sentTo(DEVICE, "answer"), []);
  assert.ok(!transports[1].closed);
});

test("on a collision the invited side gives way", async () => {
  const { conversation } = await invited();
  await conversation.accept();
  transports[0].connect();
  keepArriving(transports[0]);
  transports[0].disconnect();
  await settle();
  fromDevice({ type: "offer", conversation: ID, generation: 1, sdp: "v=0\r\ntheirs" });
  await settle();
  assert.deepEqual(
    broker.sentTo(DEVICE, "answer").map(({ generation }) => generation),
    [1],
  );
  assert.ok(transports[1].closed);
  assert.ok(!transports[2].closed);
});

// -- being called ----------------------------------------

test("an invitation rings, and is accepted with an answer", async () => {
  const { conversation, events } = await invited({ userData: { text: "at the door" } });
  assert.deepEqual(
    [conversation.remoteUid, conversation.direction, conversation.state],
    [DEVICE, "incoming", "called"],
  );
  assert.deepEqual(conversation.userData, { text: "at the door" });
  assert.equal(broker.sentTo(DEVICE, "ringing")[0].expiresIn, 30);
  assert.equal(transports.length, 0);
  await conversation.accept(microphone());
  const [answer] = broker.sentTo(DEVICE, "response");
  assert.deepEqual(
    { ...answer, sdp: "" },
    { type: "response", callStatus: "ACCEPTED", sdp: "", conversation: ID, party: "me-1" },
  );
  assert.match(answer.sdp, /o=answer/);
  assert.deepEqual(events.names(), ["response", "stream_received"]);
  transports[0].connect();
  await settle();
  assert.equal(conversation.state, "connected");
});

test("the same invitation again starts nothing, and gets the same answer again", async () => {
  const { conversation } = await invited();
  await invited();
  assert.equal(client.conversations.length, 1);
  await conversation.accept();
  await invited();
  const answers = broker.sentTo(DEVICE, "response");
  assert.equal(answers.length, 2);
  assert.deepEqual(answers[0], answers[1]);
  conversation.close();
  await pass(300);
  await invited();
  assert.deepEqual(broker.sentTo(DEVICE, "response")[2], answers[0]);
  assert.equal(transports.length, 1);
});

test("rejected with a reason", async () => {
  const { conversation, events } = await invited();
  conversation.reject("not_now");
  await settle();
  assert.deepEqual(broker.sentTo(DEVICE, "response")[0].reason, "not_now");
  assert.deepEqual(events.names(), ["response", "closed"]);
  assert.deepEqual([events.of("closed")[0].reason, events.of("closed")[0].closedBy], ["rejected", "local"]);
});

test("not answered in time is TIMEOUT", async () => {
  const { events } = await invited({ lifetime: 10 });
  await pass(10_100);
  assert.equal(broker.sentTo(DEVICE, "response")[0].callStatus, "TIMEOUT");
  assert.equal(events.of("closed")[0].reason, "invite_timeout");
});

test("withdrawn, or answered elsewhere", async () => {
  const first = await invited();
  fromDevice({ type: "close", conversation: ID, reason: "user_hangup" });
  await settle();
  assert.deepEqual(
    [first.events.of("closed")[0].reason, first.events.of("closed")[0].closedBy],
    ["cancelled", "remote"],
  );
  const other = "7b1a1e52-7c55-4b8e-9a49-0d5f8e6c1a22";
  const second = await invited({ conversation: other });
  fromDevice({ type: "select", conversation: other, selectedParty: "my-phone" });
  await settle();
  assert.equal(second.events.of("closed")[0].reason, "answered_elsewhere");
});

test("selected is not the end of it", async () => {
  const { conversation, events } = await invited();
  await conversation.accept();
  fromDevice({ type: "select", conversation: ID, selectedParty: "me-1" });
  await settle();
  assert.deepEqual(events.of("closed"), []);
});

test("BUSY while in a call", async () => {
  await connected();
  await invited();
  assert.deepEqual(
    broker.sentTo(DEVICE, "response").map(({ callStatus, reason }) => [callStatus, reason]),
    [["BUSY", "busy"]],
  );
});

test("an invitation that outlived itself never rings, and tells the time", async () => {
  const { conversation } = await invited({ sentAt: "2026-11-22T10:14:20.000Z", lifetime: 30 });
  assert.equal(conversation, undefined);
  const [{ callStatus, reason, now }] = broker.sentTo(DEVICE, "response");
  assert.deepEqual([callStatus, reason, now], ["TIMEOUT", "expired", "2026-11-22T10:15:00.000Z"]);
});

test("five seconds of skew are allowed", async () => {
  const { conversation } = await invited({ sentAt: "2026-11-22T10:14:26.000Z", lifetime: 30 });
  assert.ok(conversation);
});

test("a clock that cannot be right judges nobody", async () => {
  mock.timers.setTime(Date.UTC(2000, 0, 1));
  const { conversation } = await invited({ sentAt: "1999-01-01T00:00:00.000Z" });
  assert.ok(conversation);
});

test("a conversation id of another sender is refused", async () => {
  await invited();
  broker.deliver(`callbox/v1/${ME}/signal/intruder`, { ...INVITE, sentAt: new Date().toISOString() });
  await settle();
  assert.deepEqual(
    broker.sentTo("intruder", "response").map(({ callStatus, reason }) => [callStatus, reason]),
    [["REJECTED", "conversation_in_use"]],
  );
  broker.deliver(`callbox/v1/${ME}/signal/intruder`, {
    type: "close",
    conversation: ID,
    party: PARTY,
    reason: "user_hangup",
  });
  await settle();
  assert.equal(client.conversations.length, 1);
});

test("retained signalling is ignored", async () => {
  let called = false;
  client.on("called", () => (called = true));
  fromDevice({ ...INVITE, sentAt: new Date().toISOString() }, { retain: true });
  await settle();
  assert.ok(!called);
  assert.deepEqual(broker.log, []);
});

test("an offer that no browser can use is refused", async () => {
  const { conversation, events } = await invited({ sdp: FakePeerConnection.unusable });
  await conversation.accept();
  await settle();
  assert.equal(broker.sentTo(DEVICE, "response")[0].reason, "unusable_description");
  assert.deepEqual(events.names(), ["error", "response", "closed"]);
});

test("closed by us while the answer is being made, the inviter hears a response", async () => {
  const { conversation, events } = await invited();
  const accepting = conversation.accept();
  conversation.close();
  await accepting;
  await settle();
  assert.deepEqual(
    broker.sentTo(DEVICE, "response").map(({ callStatus }) => callStatus),
    ["REJECTED"],
  );
  assert.deepEqual(broker.sentTo(DEVICE, "close"), []);
  assert.equal(events.of("closed").length, 1);
});

test("an unknown time of sending rings for the whole lifetime", async () => {
  mock.timers.setTime(Date.UTC(2000, 0, 1));
  await invited({ sentAt: "1999-01-01T00:00:00.000Z", lifetime: 20 });
  assert.equal(broker.sentTo(DEVICE, "ringing")[0].expiresIn, 20);
});

test("nothing follows closed, whatever comes", async () => {
  const { conversation, events } = await connected();
  await pass(1_000);
  transports[0].disconnect();
  conversation.close();
  transports.forEach((transport) => transport.fail());
  fromDevice({ type: "error", conversation: conversation.id, code: "late", message: "too late" });
  await pass(20_000);
  assert.equal(events.names().at(-1), "closed");
  assert.equal(events.of("closed").length, 1);
});

test("without a listener nobody is left ringing", async () => {
  fromDevice({ ...INVITE, sentAt: new Date().toISOString() });
  await settle();
  assert.deepEqual(
    broker.sentTo(DEVICE, "response").map(({ callStatus }) => callStatus),
    ["REJECTED"],
  );
});

// -- what others send ----------------------------------------

test("anything at all costs its sender an error, and us nothing", async () => {
  const deep = `${'{"a":'.repeat(20)}1${"}".repeat(20)}`;
  for (const payload of [
    "",
    "{",
    "[]",
    "null",
    deep,
    "x".repeat(70_000),
    '{"type":"invite"}',
    new Uint8Array([0xff, 0xfe]),
    "7",
  ]) {
    broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, payload);
  }
  await settle();
  const codes = broker.sentTo(DEVICE, "error").map(({ code }) => code);
  assert.deepEqual(codes, [
    "not_json",
    "not_json",
    "not_an_object",
    "not_an_object",
    "too_deep",
    "too_large",
    "invalid",
    "not_json",
    "not_an_object",
  ]);
  const { conversation } = await invited();
  assert.ok(conversation);
});

test("errors are not answered with errors, nor floods with floods", async () => {
  broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, '{"type":"error","conversation":1}');
  await settle();
  assert.deepEqual(broker.log, []);
  for (let i = 0; i < 50; i++) broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, "{");
  await settle();
  assert.equal(broker.log.length, 10);
});

test("a listener that throws disturbs nobody", async () => {
  const faults = mock.method(console, "error", () => {});
  const { conversation, events } = await place();
  conversation.on("response", () => {
    throw new Error("a fault of the application");
  });
  fromDevice({ type: "response", conversation: conversation.id, callStatus: "BUSY", reason: "busy" });
  await settle();
  assert.equal(events.of("closed").length, 1);
  assert.equal(faults.mock.callCount(), 1);
  faults.mock.restore();
});

// -- presence ----------------------------------------

test("devices are known by their status and about", async () => {
  const seen = [];
  client.on("presence", (device) => seen.push(device));
  const publish = (what, value) => broker.deliver(`callbox/v1/door-2/${what}`, value, { retain: true });
  publish("status", { state: "online", busy: false });
  publish("about", { uid: "door-2", model: "Raspberry Pi Zero 2 W" });
  publish("status", "nonsense");
  await settle();
  assert.deepEqual(client.devices.get("door-2"), {
    uid: "door-2",
    status: { state: "online", busy: false },
    about: { uid: "door-2", model: "Raspberry Pi Zero 2 W" },
  });
  publish("status", "");
  publish("about", "");
  await settle();
  assert.equal(client.devices.size, 0);
  assert.deepEqual(seen.at(-1), { uid: "door-2" });
});

test("after a reconnect only those devices are there that say so again", async () => {
  const seen = [];
  const publish = (uid) => broker.deliver(`callbox/v1/${uid}/status`, { state: "online" }, { retain: true });
  publish("door-1");
  publish("door-2");
  await settle();
  client.on("presence", (device) => seen.push(device));
  broker.stop();
  broker.start();
  await settle();
  publish("door-2");
  await pass(1_900);
  assert.deepEqual([...client.devices.keys()], ["door-1", "door-2"]);
  await pass(200);
  assert.deepEqual([...client.devices.keys()], ["door-2"]);
  assert.deepEqual(seen.at(-1), { uid: "door-1" });
});

test("the connection tells its state, and subscribes anew", async () => {
  const states = [];
  client.on("connection", ({ state }) => states.push(state));
  broker.stop();
  broker.start();
  await settle();
  assert.deepEqual(states, ["reconnecting", "connected"]);
  const { conversation } = await invited();
  assert.ok(conversation);
});

test("mute is a matter of tracks, also of later ones", async () => {
  const stream = microphone();
  const { conversation } = await connected({ video: "sendrecv" }, stream);
  conversation.mute({ audio: true });
  assert.equal(stream.getTracks()[0].enabled, false);
  const camera = new FakeTrack("video");
  await conversation.replaceTrack("video", camera);
  assert.equal(transports[0].transceivers[1].sender.track, camera);
  conversation.mute({ audio: false });
  assert.equal(stream.getTracks()[0].enabled, true);
  assert.deepEqual(conversation.muted, { audio: false, video: false });
});
