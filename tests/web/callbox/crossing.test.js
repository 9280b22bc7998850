// @ts-nocheck
/** Calls that cross: two pages, and a page with a caller that cannot answer (PROTOCOL 3). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { transports } from "../../fakes/web/peer-connection.js";
import {
  ANSWER_WITH_MEDIA,
  DEVICE,
  fromDevice,
  ID,
  INVITE,
  makeClient,
  ME,
  microphone,
  PARTY,
  pass,
  place,
  record,
  scene,
  settle,
} from "./harness.js";

const LOW = "00000000-0000-4000-8000-000000000000";
const HIGH = "ffffffff-ffff-4fff-bfff-ffffffffffff";

const invite = (conversation, more = {}) =>
  fromDevice({ ...INVITE, sentAt: new Date().toISOString(), conversation, ...more });

/** Every conversation that the client tells of. */
function toldOf(client) {
  const told = [];
  client.on("called", (conversation) => told.push({ conversation, events: record(conversation) }));
  return told;
}

test("whom one calls calls with a lower id: it is taken at once, with the same media", async () => {
  const told = toldOf(scene.client);
  const { conversation, events } = await place({ audio: "sendrecv" }, microphone());
  invite(LOW);
  await settle();
  assert.equal(told.length, 1);
  assert.equal(told[0].conversation.crosses, true);
  await told[0].conversation.accept();
  assert.equal(scene.broker.sentTo(DEVICE, "response")[0].callStatus, "ACCEPTED");
  assert.equal(scene.broker.sentTo(DEVICE, "ringing").length, 0);
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "close").map(({ reason }) => reason),
    ["answered_elsewhere"],
  );
  transports[1].connect();
  await pass(300);
  const [closed] = events.of("closed");
  assert.equal(closed.reason, "answered_elsewhere");
  assert.equal(closed.answeredBy, LOW);
  assert.equal(told[0].conversation.state, "connected");
  assert.deepEqual(scene.client.conversations, [told[0].conversation]);
  assert.equal(conversation.state, "closed");
  assert.equal(transports[1].getSenders().filter(({ track }) => track?.kind === "audio").length, 1);
});

test("whom one calls calls with a higher id, and never answers: it is taken in a second", async () => {
  const told = toldOf(scene.client);
  const { events } = await place();
  invite(HIGH);
  await pass(900);
  assert.equal(told.length, 0);
  assert.equal(scene.broker.sentTo(DEVICE, "response").length, 0);
  await pass(200);
  assert.equal(told.length, 1);
  assert.equal(scene.broker.sentTo(DEVICE, "response")[0].callStatus, "ACCEPTED");
  assert.equal(scene.broker.sentTo(DEVICE, "close").length, 0);
  fromDevice({ type: "select", conversation: HIGH, selectedParty: "me-1" });
  await pass(300);
  assert.equal(scene.broker.sentTo(DEVICE, "close")[0].reason, "answered_elsewhere");
  assert.equal(events.of("closed")[0].answeredBy, HIGH);
});

test("whom one calls calls with a higher id, and accepts: its own is closed untold", async () => {
  const told = toldOf(scene.client);
  const { conversation } = await place();
  invite(HIGH);
  await pass(100);
  fromDevice({
    type: "response",
    conversation: conversation.id,
    callStatus: "ACCEPTED",
    sdp: ANSWER_WITH_MEDIA,
  });
  await pass(2_000);
  assert.equal(told.length, 0);
  assert.equal(conversation.state, "connecting");
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "close").map((each) => [each.conversation, each.reason]),
    [[HIGH, "answered_elsewhere"]],
  );
});

test("whom one calls is busy, as it calls itself: it is taken now", async () => {
  const told = toldOf(scene.client);
  const { conversation, events } = await place();
  invite(HIGH);
  await settle();
  fromDevice({ type: "response", conversation: conversation.id, callStatus: "BUSY" });
  await pass(100);
  assert.equal(told.length, 1);
  assert.equal(events.of("response").length, 0);
  fromDevice({ type: "select", conversation: HIGH, selectedParty: "me-1" });
  await pass(300);
  assert.equal(events.of("closed")[0].answeredBy, HIGH);
});

test("one's own call is called off: the invitation that waited rings", async () => {
  const told = toldOf(scene.client);
  const { conversation } = await place();
  invite(HIGH);
  await settle();
  conversation.close();
  await pass(300);
  assert.equal(told.length, 1);
  assert.equal(told[0].conversation.state, "called");
  assert.equal(told[0].conversation.crosses, false);
  assert.equal(scene.broker.sentTo(DEVICE, "ringing").length, 1);
});

test("one calls whoever rings here: that is taken, whatever goes first, with one's media", async () => {
  const told = toldOf(scene.client);
  invite(LOW);
  await settle();
  assert.equal(told[0].conversation.state, "called");
  assert.throws(() => scene.client.call("door-2"), /room for 1/);
  const { conversation, events } = await place({}, microphone());
  await pass(100);
  assert.equal(told[0].conversation.state, "connecting");
  assert.equal(scene.broker.sentTo(DEVICE, "response")[0].callStatus, "ACCEPTED");
  await pass(300);
  assert.equal(events.of("closed")[0].answeredBy, LOW);
  assert.equal(conversation.state, "closed");
});

test("somebody else is busy while one calls", async () => {
  await place();
  scene.broker.deliver(`callbox/v1/${ME}/signal/door-2`, {
    ...INVITE,
    party: PARTY,
    conversation: ID,
    sentAt: new Date().toISOString(),
  });
  await settle();
  assert.equal(scene.broker.sentTo("door-2", "response")[0].callStatus, "BUSY");
});

for (const pause of [0, 10, 300, 1_200]) {
  test(`two pages that call each other ${pause} ms apart are in one call`, async () => {
    const other = await makeClient({ uid: DEVICE, party: "other-1" });
    const told = [toldOf(scene.client), toldOf(other)];
    const first = await place();
    await pass(pause);
    const second = other.call(ME);
    const events = record(second);
    await pass(200);
    for (const transport of transports.filter((each) => !each.closed)) transport.connect();
    await pass(5_000);
    const open = [...scene.client.conversations, ...other.conversations];
    assert.equal(open.length, 2);
    assert.equal(open[0].id, open[1].id);
    assert.ok(open.every(({ state }) => state === "connected"));
    const gone = [...first.events.of("closed"), ...events.of("closed")];
    assert.deepEqual(
      gone.map(({ reason, answeredBy }) => [reason, answeredBy]),
      [["answered_elsewhere", open[0].id]],
    );
    const invitation = open.find(({ direction }) => direction === "incoming");
    assert.ok(told.flat().some(({ conversation }) => conversation === invitation));
    await other.stop();
  });
}
