// @ts-nocheck
/** A client over fakes, and what a test does with it. Imported once by each test file. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, mock } from "node:test";
import { fileURLToPath } from "node:url";

import { CallClient, CONVERSATION_EVENTS, parseSignal } from "../../../agent/web/callbox/index.js";
import { FakeBroker } from "../../fakes/web/broker.js";
import { installFakes } from "../../fakes/web/install.js";
import { FakeMediaStream, FakeTrack } from "../../fakes/web/media.js";
import { transports } from "../../fakes/web/peer-connection.js";

export const DEVICE = "door-1";
export const ME = "front-desk";
export const PARTY = "device-party";
export const ID = "3f0c8e52-7c55-4b8e-9a49-0d5f8e6c1a11";
export const INVITE = {
  type: "invite",
  conversation: ID,
  party: PARTY,
  sdp: "v=0\r\no=device\r\n",
  lifetime: 30,
};
/** One that promises sound and a picture. */
export const ANSWER_WITH_MEDIA =
  "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\n";

/** What the tests of a file share; new for each test. */
export const scene = { broker: null, client: null };

/** Lets everything run that waits for nothing but its turn: promises come before the next turn. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Lets `milliseconds` pass, in steps, so that what a timer starts can go on. */
export async function pass(milliseconds) {
  for (let left = milliseconds; left > 0; left -= 20) {
    mock.timers.tick(Math.min(20, left));
    await settle();
  }
}

/** A clock that the test moves, and with it everything that measures time. */
export function stopTime() {
  mock.timers.enable({
    apis: ["setTimeout", "setInterval", "Date"],
    now: Date.UTC(2026, 10, 22, 10, 15),
  });
  const start = Date.now();
  mock.method(performance, "now", () => Date.now() - start);
}

export function resumeTime() {
  mock.restoreAll();
  mock.timers.reset();
}

export const fromDevice = (message, options) =>
  scene.broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, { party: PARTY, ...message }, options);

export async function makeClient(options = {}) {
  const about = {
    broker: "ws://broker.test/mqtt",
    uid: ME,
    party: "me-1",
    connect: scene.broker.connect,
  };
  const made = new CallClient({ ...about, ...options });
  await made.start();
  await settle();
  return made;
}

/**
 * Records the events of a conversation, in order. `of()` gives the first argument of each,
 * `details()` all.
 */
export function record(conversation) {
  const events = [];
  for (const name of CONVERSATION_EVENTS.filter((each) => each !== "state")) {
    conversation.on(name, (...details) => events.push([name, ...details]));
  }
  events.names = () => events.map(([name]) => name);
  events.details = (name) =>
    events.filter(([each]) => each === name).map(([, ...details]) => details);
  events.of = (name) => events.filter(([each]) => each === name).map(([, detail]) => detail);
  return events;
}

export const microphone = () => new FakeMediaStream([new FakeTrack("audio")]);

export async function place(options = {}, stream = null) {
  const conversation = scene.client.call(DEVICE, stream, options);
  const events = record(conversation);
  await settle();
  return { conversation, events };
}

export async function accepted(options = {}, stream = null, sdp = "v=0\r\na=ice-ufrag:dev\r\n") {
  const call = await place(options, stream);
  fromDevice({ type: "response", conversation: call.conversation.id, callStatus: "ACCEPTED", sdp });
  await settle();
  return call;
}

export async function connected(options = {}, stream = null, sdp = undefined) {
  const call = await accepted(options, stream, sdp);
  transports[0].connect();
  await settle();
  return call;
}

export async function invited(message = {}) {
  let conversation;
  scene.client.on("called", (called) => (conversation = called));
  fromDevice({ ...INVITE, sentAt: new Date().toISOString(), ...message });
  await settle();
  return { conversation, events: conversation && record(conversation) };
}

/** Packets keep arriving at a transport. */
export function keepArriving(transport) {
  setInterval(() => (transport.packetsReceived += transport.closed ? 0 : 50), 500);
}

const schemaOf = (type) =>
  JSON.parse(
    readFileSync(
      fileURLToPath(new URL(`../../../config/schemas/signal-${type}.json`, import.meta.url)),
      "utf8",
    ),
  );

/** Whatever was sent is as the schemas say, and says nothing else. */
function checkSent() {
  for (const { topic, message } of scene.broker.log) {
    if (!topic.includes("/signal/")) continue;
    const { properties, required } = schemaOf(message.type);
    assert.deepEqual(parseSignal(JSON.stringify(message)), message);
    const unknown = Object.keys(message).filter((name) => !(name in properties));
    const missing = required.filter((name) => !(name in message));
    assert.deepEqual([...unknown, ...missing], [], message.type);
  }
}

beforeEach(async () => {
  stopTime();
  installFakes();
  scene.broker = new FakeBroker();
  scene.client = await makeClient();
});

afterEach(async () => {
  // a call that is still placed must not set a deadline of half a minute on the real clock
  await settle();
  resumeTime();
  checkSent();
});
