// @ts-nocheck
/** The list of devices: what is drawn, when, and with how many changes of the document. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { DeviceList } from "../../agent/web/devices.js";
import { setLanguage } from "../../agent/web/i18n.js";
import { FakeElement, makeCard, Writes } from "../fakes/web/elements.js";

const CONNECTED = { inCallWith: null, connected: true };
const A_FRAME = 25;

let writes;
let parts;
let frames;
let pressed;
let list;
let switches;

beforeEach(() => {
  writes = new Writes();
  frames = [];
  pressed = [];
  parts = {};
  switches = {};
  for (const id of ["device-list", "devices-empty", "devices"])
    parts[id] = new FakeElement(writes, `#${id}`);
  parts["device-card"] = { content: null };
  globalThis.document = {
    documentElement: {},
    activeElement: null,
    title: "",
    querySelectorAll: () => [],
    getElementById: (id) => parts[id],
    importNode: () => ({ firstElementChild: makeCard(writes) }),
  };
  globalThis.requestAnimationFrame = (draw) => frames.push(draw);
  setLanguage("en");
  list = new DeviceList({
    onCall: (uid) => pressed.push(`call ${uid}`),
    onLook: (uid) => pressed.push(`look ${uid}`),
    onCommand: async (uid, verb) => pressed.push(`${verb} ${uid}`),
    switchesOf: (uid) => switches[uid] ?? {},
  });
  list.show(CONNECTED);
  writes.take();
});

afterEach(() => {
  delete globalThis.document;
  delete globalThis.requestAnimationFrame;
});

const device = (uid, state = "online", more = {}) => ({ uid, status: { state, ...more } });
const uids = () => parts["device-list"].children.map((card) => text(card, "strong"));
const text = (card, selector) => card.querySelector(selector).textContent;
const cardOf = (uid) =>
  parts["device-list"].children.find((card) => card.dataset.testid === `device-${uid}`);

/** Draws what is due; how many frames it took. */
function draw() {
  let count = 0;
  for (; frames.length > 0; count++) {
    const due = frames.splice(0);
    assert.equal(due.length, 1, "one redraw a frame");
    const before = parts["device-list"].children.length;
    due[0]();
    assert.ok(parts["device-list"].children.length - before <= A_FRAME);
  }
  return count;
}

function fill(count, state) {
  for (let n = 0; n < count; n++) list.take(device(`dev-${n}`, state));
}

test("nothing is drawn before the frame, and then each device once", () => {
  list.take(device("b"));
  list.take(device("a", "offline"));
  list.take(device("a"));
  list.take(device("c", "offline"));
  assert.deepEqual(uids(), []);
  assert.equal(draw(), 1);
  assert.deepEqual(uids(), ["a", "b", "c"]);
  assert.equal(text(cardOf("c"), ".chip span:last-child"), "Offline");
  assert.equal(cardOf("c").querySelector(".call").hidden, true);
});

test("a change is written where it is, and nowhere else", () => {
  fill(500, "online");
  draw();
  writes.take();
  list.take(device("dev-7", "online", { busy: true }));
  draw();
  assert.deepEqual(writes.made, [".chip dataset", ".chip span:last-child text"]);
  writes.take();
  list.take(device("dev-7", "online", { busy: true }));
  draw();
  assert.equal(writes.count, 0);
});

test("a thousand devices cost what each of them has changed, however many messages that took", () => {
  fill(1000, "online");
  fill(1000, "online");
  assert.equal(draw(), 1000 / A_FRAME);
  // name, description, chip, two buttons, its place, and what a fake is made with
  assert.ok(writes.take() <= 20 * 1000);
  // gone and back within a frame
  fill(1000, "offline");
  fill(1000, "online");
  draw();
  assert.equal(writes.take(), 0);
  // chip, class, two buttons, and its place
  fill(1000, "offline");
  draw();
  assert.equal(writes.take(), 6 * 1000);
  fill(1000, "online");
  assert.equal(draw(), 1000 / A_FRAME);
  // each comes where it stood
  assert.equal(writes.take(), 5 * 1000);
  assert.deepEqual(uids().slice(0, 3), ["dev-0", "dev-1", "dev-2"]);
  assert.equal(uids().at(-1), "dev-999");
});

test("a broker that goes leaves devices unknown, a few a frame", () => {
  fill(500, "online");
  for (let n = 500; n < 1000; n++) list.take(device(`dev-${n}`, "offline"));
  draw();
  writes.take();
  list.show({ ...CONNECTED, connected: false });
  assert.equal(writes.count, 0);
  assert.equal(draw(), 1000 / A_FRAME);
  // the chip of each, and the two buttons of those that show them
  assert.equal(writes.take(), 2 * 1000 + 2 * 500);
  const chip = (uid) => text(cardOf(uid), ".chip span:last-child");
  for (const uid of ["dev-0", "dev-999"]) assert.equal(chip(uid), "Unknown");
  assert.ok(cardOf("dev-0").querySelector(".call").disabled);
  list.show(CONNECTED);
  draw();
  assert.equal(writes.take(), 2 * 1000 + 2 * 500);
  assert.deepEqual([chip("dev-0"), chip("dev-999")], ["Online", "Offline"]);
});

test("the device of one's own call stays that, without a broker too", () => {
  fill(2, "online");
  draw();
  list.show({ inCallWith: "dev-0", connected: false });
  draw();
  assert.equal(text(cardOf("dev-0"), ".chip span:last-child"), "In your call");
  assert.equal(text(cardOf("dev-1"), ".chip span:last-child"), "Unknown");
});

test("those that are online come first, by name, and a card that is left keeps its place", () => {
  fill(12, "offline");
  draw();
  list.take(device("dev-10"));
  list.take(device("dev-2"));
  draw();
  assert.deepEqual(uids().slice(0, 4), ["dev-2", "dev-10", "dev-0", "dev-1"]);
  list.take({ uid: "dev-0", about: {} });
  list.take({ uid: "nobody" });
  draw();
  assert.deepEqual(uids().slice(0, 4), ["dev-2", "dev-10", "dev-1", "dev-3"]);
  assert.equal(uids().length, 11);
});

test("names that sort alike do not get lost", () => {
  for (const uid of ["a1", "a01", "A1", "a001"]) list.take(device(uid));
  draw();
  for (const uid of ["a01", "A1"]) list.take({ uid });
  draw();
  assert.deepEqual(uids().sort(), ["a001", "a1"]);
});

test("the focus stays on a card that moves", () => {
  fill(3, "online");
  draw();
  cardOf("dev-0").querySelector(".call").focus();
  list.take(device("dev-0", "offline"));
  globalThis.document.activeElement = cardOf("dev-0").querySelector(".call");
  draw();
  assert.equal(uids().at(-1), "dev-0");
  assert.equal(document.activeElement, cardOf("dev-0").querySelector(".call"));
});

test("a call is seen at once, in the card of its device alone", () => {
  fill(100, "online");
  draw();
  writes.take();
  list.show({ inCallWith: "dev-5", connected: true });
  assert.equal(text(cardOf("dev-5"), ".chip span:last-child"), "In your call");
  assert.ok(writes.take() <= 6);
  draw();
  assert.ok(cardOf("dev-6").querySelector(".call").disabled);
  list.show(CONNECTED);
  list.focus("dev-5");
  assert.equal(document.activeElement, cardOf("dev-5").querySelector(".call"));
  list.focus("nobody");
  assert.equal(document.activeElement, parts.devices);
});

test("another language is drawn anew", () => {
  list.take(device("a"));
  draw();
  setLanguage("zh");
  list.redraw();
  draw();
  assert.notEqual(text(cardOf("a").querySelector(".call"), "span"), "Call");
  cardOf("a").querySelector(".call").listeners.click();
  cardOf("a").querySelector(".look").listeners.click();
  assert.deepEqual(pressed, ["call a", "look a"]);
});

test("switches are drawn where there are any, and when they change", () => {
  fill(100, "online");
  draw();
  writes.take();
  switches["dev-3"] = { privacy: false, silencedUntil: null };
  for (const n of [3, 4]) list.change(`dev-${n}`);
  draw();
  const box = cardOf("dev-3").querySelector(".switches");
  assert.deepEqual([box.hidden, cardOf("dev-4").querySelector(".switches").hidden], [false, true]);
  assert.ok(writes.take() > 3);
  list.change("dev-3");
  draw();
  assert.equal(writes.count, 0);
  switches["dev-3"] = {};
  list.change("dev-3");
  draw();
  assert.equal(box.hidden, true);
});

test("an empty list says why", () => {
  assert.match(parts["devices-empty"].textContent, /No device has come online/);
  list.show({ inCallWith: null, connected: false });
  assert.match(parts["devices-empty"].textContent, /Looking|Searching|Connecting/i);
  list.take(device("a"));
  draw();
  assert.equal(parts["devices-empty"].textContent, "");
  assert.equal(list.isOffline("a"), false);
  list.take(device("a", "offline"));
  assert.equal(list.isOffline("a"), true);
  assert.equal(list.isOffline(null), false);
});
