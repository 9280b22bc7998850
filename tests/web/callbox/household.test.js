// @ts-nocheck
/** A page of somebody who lives there: what is set and switched, and commands (PROTOCOL 6). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { DEVICE, pass, scene, settle } from "./harness.js";

const say = (what, message) =>
  scene.broker.deliver(`callbox/v1/${DEVICE}/${what}`, message, { retain: true });

const commands = () =>
  scene.broker.log.filter(({ topic }) => topic.startsWith(`callbox/v1/${DEVICE}/command/`));

/** Commands a device that is watched, and says so. */
async function ordered(verb, fields) {
  const outcome = {};
  scene.client.household.command(DEVICE, verb, fields).then(
    (value) => (outcome.result = value),
    (fault) => (outcome.code = fault.code),
  );
  await settle();
  return outcome;
}

function answer(body) {
  const { message, options } = commands().at(-1);
  scene.broker.deliver(options.properties.responseTopic, { id: message.id, ...body });
  return settle();
}

test("a device is one's own once its settings can be read", async () => {
  const { household } = scene.client;
  const told = [];
  scene.client.on("household", (uid) => told.push(uid));
  say("settings", { privacy: true });
  await settle();
  assert.equal(household.of(DEVICE), undefined);
  household.watch(DEVICE);
  assert.equal(household.of(DEVICE), undefined);
  say("output/door", { state: "on", by: "alice" });
  say("settings", { privacy: false });
  await settle();
  assert.deepEqual(household.of(DEVICE).settings, { privacy: false });
  assert.equal(household.of(DEVICE).outputs.get("door").state, "on");
  say("output/door", "");
  say("settings", "nonsense");
  await settle();
  assert.equal(household.of(DEVICE).outputs.size, 0);
  assert.deepEqual(household.of(DEVICE).settings, { privacy: false });
  assert.ok(told.length >= 3 && told.every((uid) => uid === DEVICE));
  say("settings", "");
  await settle();
  assert.equal(household.of(DEVICE), undefined);
});

test("a visitor's picture is taken as it comes, and none that was kept", async () => {
  const { household } = scene.client;
  household.watch(DEVICE);
  const picture = new Uint8Array([0xff, 0xd8, 0xff, 0xe0]);
  const show = (data, retain) => {
    scene.broker.deliver(`callbox/v1/${DEVICE}/snapshot`, data, { retain });
    return settle();
  };
  say("settings", {});
  await show(picture, true);
  assert.equal(household.of(DEVICE).snapshot, undefined);
  await show(new Uint8Array([1, 2, 3]), false);
  await show(new Uint8Array(70_000), false);
  assert.equal(household.of(DEVICE).snapshot, undefined);
  await show(picture, false);
  assert.deepEqual(household.of(DEVICE).snapshot.data, picture);
});

test("what is watched is watched again at each connect", async () => {
  scene.client.household.watch(DEVICE);
  scene.broker.stop();
  await settle();
  scene.broker.start();
  await settle();
  say("settings", { privacy: true });
  await settle();
  assert.deepEqual(scene.client.household.of(DEVICE).settings, { privacy: true });
});

test("a command brings its result back", async () => {
  const outcome = await ordered("privacy", { on: true });
  const [{ message, options }] = commands();
  assert.equal(message.on, true);
  assert.equal(message.issuedAt, new Date().toISOString());
  assert.equal(options.properties.messageExpiryInterval, 15);
  assert.match(options.properties.responseTopic, /^callbox\/v1\/door-1\/reply\/[0-9a-f-]{36}$/);
  await answer({ ok: true, privacy: true });
  assert.equal(outcome.result.privacy, true);
});

test("a command that is refused, is late, or is not answered", async () => {
  const refused = await ordered("say", { message: "parcel" });
  await answer({ ok: false, code: "not_allowed", message: "no" });
  assert.deepEqual(refused, { code: "not_allowed" });
  const late = await ordered("say", { message: "parcel" });
  await answer({ ok: false, code: "stale", now: "2026-11-22T11:15:00.000Z" });
  assert.equal(commands().at(-1).message.issuedAt, "2026-11-22T11:15:00.000Z");
  await answer({ ok: true });
  assert.equal(late.result.ok, true);
  const silent = await ordered("say", { message: "parcel" });
  await pass(15_100);
  assert.deepEqual(silent, { code: "timeout" });
});

test("whom the broker lets command nothing has no device of his own", async () => {
  const { household } = scene.client;
  household.watch(DEVICE);
  say("settings", { privacy: false });
  await settle();
  assert.ok(household.of(DEVICE));
  scene.broker.refuses = "/command/";
  const outcome = await ordered("privacy", { on: true });
  assert.deepEqual(outcome, { code: "not_authorized" });
  assert.equal(household.of(DEVICE), undefined);
});
