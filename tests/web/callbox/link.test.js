// @ts-nocheck
/** The connection to the broker. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { brokerUrl, Link } from "../../../agent/web/callbox/link.js";
import { invited, ME, pass, scene, settle } from "./harness.js";

/** One without a client around it. */
function makeLink(options = {}) {
  const link = new Link({
    connect: scene.broker.connect,
    url: "ws://broker.test/mqtt",
    mqttOptions: {},
    required: ["callbox/v1/other/signal/+"],
    desired: [],
    onMessage: () => {},
    onState: () => {},
    urgent: () => false,
    ...options,
  });
  link.start();
  return link;
}

test("the connection tells its state, and subscribes anew", async () => {
  const states = [];
  scene.client.on("connection", ({ state }) => states.push(state));
  scene.broker.stop();
  scene.broker.start();
  await settle();
  assert.deepEqual(states, ["reconnecting", "connected"]);
  const { conversation } = await invited();
  assert.ok(conversation);
});

test("the broker may send all at once that many devices have said", () => {
  const [connection] = scene.broker.connections;
  assert.equal(connection.options.properties.receiveMaximum, 0xffff);
});

test("a broker that refuses the page's own messages is asked again, until it lets it", async () => {
  const [connection] = scene.broker.connections;
  const states = [];
  scene.client.on("connection", ({ state, code }) => states.push([state, code]));
  const allowed = connection.subscribe;
  connection.subscribe = (_filters, _options, done) => queueMicrotask(() => done(null, [{ qos: 0x87 }]));
  scene.broker.stop();
  scene.broker.start();
  await settle();
  assert.deepEqual(states.at(-1), ["reconnecting", "not_authorized"]);
  assert.equal(connection.connected, false);
  connection.subscribe = allowed;
  connection.reconnect();
  await settle();
  assert.deepEqual(states.at(-1), ["connected", undefined]);
});

/** What MQTT.js raises for a CONNACK with this reason code. */
const refusal = (code) => Object.assign(new Error("Connection refused"), { code });

test("a broker that refuses the name or the password is told apart from one that is away", () => {
  const [connection] = scene.broker.connections;
  const told = [];
  scene.client.on("connection", ({ state, code }) => told.push([state, code]));
  for (const code of [0x86, 0x87, 0x8c, 4, 5]) connection.emit("error", refusal(code));
  connection.emit("error", refusal(0x88));
  assert.deepEqual(told.slice(0, 5), Array(5).fill(["reconnecting", "not_authorized"]));
  assert.deepEqual(told.slice(5), [["reconnecting", "broker_unreachable"]]);
});

test("each attempt to connect that fails without a word is told, a refused one once", () => {
  const [connection] = scene.broker.connections;
  scene.broker.stop();
  const told = [];
  scene.client.on("connection", ({ state, code }) => told.push([state, code]));
  connection.emit("close");
  connection.emit("close");
  connection.emit("error", refusal(0x87));
  connection.emit("close");
  assert.deepEqual(told, [
    ["reconnecting", "broker_unreachable"],
    ["reconnecting", "broker_unreachable"],
    ["reconnecting", "not_authorized"],
  ]);
});

test("a connection that never was is still being made when an attempt fails", async () => {
  scene.broker.reachable = false;
  const told = [];
  const { CallClient } = await import("../../../agent/web/callbox/index.js");
  const about = { broker: "ws://broker.test/mqtt", uid: ME, connect: scene.broker.connect };
  const client = new CallClient(about);
  client.on("connection", ({ state, code }) => told.push([state, code]));
  void client.start();
  await settle();
  scene.broker.connections.at(-1).emit("close");
  assert.deepEqual(told, [
    ["connecting", undefined],
    ["connecting", "broker_unreachable"],
  ]);
});

test("start() rejects with what a broker says that refuses the name", async () => {
  scene.broker.reachable = false;
  const { CallClient, CallError } = await import("../../../agent/web/callbox/index.js");
  const about = { broker: "ws://broker.test/mqtt", uid: ME, connect: scene.broker.connect };
  const client = new CallClient(about);
  const started = client.start();
  await settle();
  scene.broker.connections.at(-1).emit("error", refusal(0x87));
  await assert.rejects(started, (fault) => {
    assert.ok(fault instanceof CallError);
    return fault.code === "not_authorized";
  });
  // it goes on trying, and another start waits for that
  const again = client.start();
  scene.broker.start();
  await again;
  assert.equal(client.connectionState, "connected");
});

test("a token that is a function is asked before every attempt to connect", async () => {
  const { CallClient } = await import("../../../agent/web/callbox/index.js");
  let asked = 0;
  const token = async () => `token-${++asked}`;
  const about = { broker: "ws://broker.test/mqtt", uid: "other", connect: scene.broker.connect };
  const client = new CallClient({ ...about, token });
  await client.start();
  const connection = scene.broker.connections.at(-1);
  assert.deepEqual(
    [connection.options.username, connection.options.password],
    ["other", "token-1"],
  );
  scene.broker.stop();
  await pass(1_000);
  assert.ok(asked >= 2);
  scene.broker.reachable = true;
  await pass(20_000);
  assert.equal(client.connectionState, "connected");
  assert.equal(connection.options.password, `token-${asked}`);
  await client.stop();
  const after = asked;
  await pass(20_000);
  assert.equal(asked, after);
});

for (const reason of ["retry", "renew"]) {
  test(`${reason}() ends the pause before the next attempt`, async () => {
    const link = makeLink();
    await settle();
    const connection = scene.broker.connections.at(-1);
    const attempts = [];
    connection.on("reconnect", () => attempts.push(connection.options.reconnectPeriod));
    link[reason]();
    if (reason === "renew") scene.broker.start();
    await settle();
    assert.ok(link.connected);
    scene.broker.stop();
    for (let i = 0; i < 6; i++) {
      connection.reconnect();
      await settle();
    }
    link[reason]();
    assert.equal(attempts.length, 7, "at once");
    link[reason]();
    assert.equal(attempts.length, 7, "an attempt is under way");
    await settle();
    scene.broker.reachable = true;
    link[reason]();
    await settle();
    assert.ok(link.connected);
    await link.stop();
    link[reason]();
    assert.equal(attempts.length, 8);
  });

  test(`${reason}() ends the pause before a token is asked for`, async () => {
    let asked = 0;
    const link = makeLink({ password: () => `token-${++asked}` });
    await settle();
    scene.broker.stop();
    await pass(60_000);
    const before = asked;
    scene.broker.reachable = true;
    link[reason]();
    await settle();
    assert.equal(asked, before + 1);
    assert.ok(link.connected);
    await link.stop();
  });
}

test("a token that cannot be had is told, and asked for again", async () => {
  const { CallClient } = await import("../../../agent/web/callbox/index.js");
  let asked = 0;
  const token = () => {
    asked += 1;
    if (asked < 3) throw new Error("no session");
    return "token";
  };
  const about = { broker: "ws://broker.test/mqtt", uid: "other", connect: scene.broker.connect };
  const client = new CallClient({ ...about, token });
  const told = [];
  client.on("connection", ({ state, code, message }) => told.push([state, code, message]));
  const started = client.start();
  await pass(5_000);
  await started;
  assert.deepEqual(told, [
    ["connecting", undefined, undefined],
    ["connecting", "token_failed", "no session"],
    ["connecting", "token_failed", "no session"],
    ["connected", undefined, undefined],
  ]);
});

test("a client that is stopped while it waits for a token never connects", async () => {
  const { CallClient } = await import("../../../agent/web/callbox/index.js");
  let give;
  const token = () => new Promise((resolve) => (give = resolve));
  const about = { broker: "ws://broker.test/mqtt", uid: "other", connect: scene.broker.connect };
  const client = new CallClient({ ...about, token });
  const before = scene.broker.connections.length;
  void client.start();
  await settle();
  await client.stop();
  give("late");
  await settle();
  assert.equal(scene.broker.connections.length, before);
  assert.equal(client.connectionState, "stopped");
});

test("a broker's address becomes a WebSocket's, and no other", () => {
  assert.equal(brokerUrl("https://example.org/mqtt"), "wss://example.org/mqtt");
  assert.equal(brokerUrl("ws://example.org:9001"), "ws://example.org:9001/");
  assert.throws(() => brokerUrl("ftp://example.org"), TypeError);
});
