// @ts-nocheck
/** The connection to the broker. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { brokerUrl } from "../../../agent/web/callbox/link.js";
import { invited, ME, scene, settle } from "./harness.js";

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

test("a broker's address becomes a WebSocket's, and no other", () => {
  assert.equal(brokerUrl("https://example.org/mqtt"), "wss://example.org/mqtt");
  assert.equal(brokerUrl("ws://example.org:9001"), "ws://example.org:9001/");
  assert.throws(() => brokerUrl("ftp://example.org"), TypeError);
});
