// @ts-nocheck
/**
 * For any order of messages, network events and requests: one `closed`, nothing after it, and no
 * transport left open.
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { CallClient } from "../../../agent/web/callbox/index.js";
import { FakeBroker } from "../../fakes/web/broker.js";
import { installFakes } from "../../fakes/web/install.js";
import { FakeMediaStream, FakeTrack } from "../../fakes/web/media.js";
import { FakePeerConnection, transports } from "../../fakes/web/peer-connection.js";

const [ME, DEVICE, ID] = ["front-desk", "door-1", "3f0c8e52-7c55-4b8e-9a49-0d5f8e6c1a11"];

/** A generator of numbers from 0 to 1 that repeats itself for the same seed. */
function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

async function pass(milliseconds) {
  for (let left = milliseconds; left > 0; left -= 50) {
    mock.timers.tick(Math.min(50, left));
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }
}

/** What may happen next, by name. `pick` chooses one of its arguments. */
function happenings(conversation, broker, pick) {
  const send = (message) =>
    broker.deliver(`callbox/v1/${ME}/signal/${pick(DEVICE, DEVICE, DEVICE, "intruder")}`, {
      conversation: pick(conversation.id, conversation.id, ID),
      party: pick("device-1", "device-1", "device-2"),
      ...message,
    });
  const any = () => transports[Math.floor(pick(0, 0.5, 0.99) * transports.length)];
  const sdp = () => pick("v=0\r\nfine", "v=0\r\nfine", FakePeerConnection.unusable);
  return {
    ringing: () => send({ type: "ringing", expiresIn: 20 }),
    accepted: () => send({ type: "response", callStatus: "ACCEPTED", sdp: sdp() }),
    refused: () =>
      send({
        type: "response",
        callStatus: pick("REJECTED", "BUSY", "TIMEOUT"),
        reason: pick("busy", "expired"),
        now: "2026-12-01T00:00:00Z",
      }),
    select: () => send({ type: "select", selectedParty: pick("me-1", "me-2") }),
    candidate: () =>
      send({
        type: "candidate",
        candidate: pick(null, { candidate: "candidate:1 1 udp 1 192.0.2.1 1 typ host ufrag u1" }),
      }),
    offer: () => send({ type: "offer", generation: pick(1, 2, 3), sdp: sdp() }),
    answer: () => send({ type: "answer", generation: pick(1, 2, 3), sdp: sdp() }),
    close: () =>
      send({ type: "close", reason: pick("user_hangup", "answered_elsewhere", "nonsense") }),
    error: () => send({ type: "error", code: "invalid", message: "no" }),
    rubbish: () =>
      broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, pick("", "{", '{"type":"invite"}')),
    connect: () => any()?.connect(),
    disconnect: () => any()?.disconnect(),
    fail: () => any()?.fail(),
    find: () => any()?.find("candidate:2 1 udp 1 192.0.2.3 1 typ host"),
    accept: () => void conversation.accept(new FakeMediaStream([new FakeTrack("audio")])),
    reject: () => conversation.reject(),
    mute: () => conversation.mute({ audio: pick(true, false) }),
    camera: () => void conversation.replaceTrack("video", new FakeTrack("video")),
    network: () => conversation.networkChanged(),
    brokerGone: () => broker.stop(),
    brokerBack: () => broker.start(),
    moment: () => pass(pick(20, 600)),
    while: () => pass(pick(3_500, 6_000)),
  };
}

let unhandled;
const note = (fault) => unhandled.push(fault);

beforeEach(() => {
  unhandled = [];
  process.on("unhandledRejection", note);
  mock.timers.enable({
    apis: ["setTimeout", "setInterval", "Date"],
    now: Date.UTC(2026, 10, 22, 10, 15),
  });
  mock.method(performance, "now", () => Date.now() - Date.UTC(2026, 10, 22));
});

afterEach(() => {
  process.off("unhandledRejection", note);
  mock.restoreAll();
  mock.timers.reset();
});

async function begin(incoming, broker, client) {
  if (!incoming) return client.call(DEVICE);
  const called = new Promise((resolve) => client.on("called", resolve));
  const invite = {
    type: "invite",
    conversation: ID,
    party: "device-1",
    sdp: "v=0\r\noffer",
    sentAt: new Date().toISOString(),
  };
  broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, invite);
  return called;
}

for (const incoming of [false, true]) {
  test(`${incoming ? "incoming" : "outgoing"}: one closed, whatever comes in whatever order`, async () => {
    const ends = new Set();
    for (let seed = 1; seed <= 150; seed++) {
      const random = seeded(seed);
      const pick = (...choices) => choices[Math.floor(random() * choices.length)];
      installFakes();
      const broker = new FakeBroker();
      const client = new CallClient({
        broker: "ws://broker.test",
        uid: ME,
        party: "me-1",
        connect: broker.connect,
      });
      await client.start();
      const conversation = await begin(incoming, broker, client);
      const told = [];
      for (const name of [
        "ringing",
        "response",
        "stream_received",
        "closed",
        "error",
        "local_stats",
        "remote_stats",
        "degraded",
        "restored",
      ]) {
        conversation.on(name, (detail) => told.push([name, detail]));
      }
      const possible = Object.entries(happenings(conversation, broker, pick));
      const history = [];
      for (let step = 0; step < 30; step++) {
        const [name, happen] = pick(...possible);
        history.push(name);
        await happen();
        for (let i = 0; i < 10; i++) await Promise.resolve();
      }
      conversation.close();
      await pass(1_000);
      const context = `seed ${seed}: ${history.join(" ")}`;
      assert.equal(told.filter(([name]) => name === "closed").length, 1, context);
      assert.equal(told.at(-1)[0], "closed", context);
      assert.ok(
        transports.every(({ closed }) => closed),
        context,
      );
      assert.deepEqual(
        client.conversations.filter((each) => each === conversation),
        [],
        context,
      );
      assert.deepEqual(unhandled, [], context);
      ends.add(told.at(-1)[1].reason);
    }
    assert.ok(ends.size >= 3, [...ends].join());
  });
}
