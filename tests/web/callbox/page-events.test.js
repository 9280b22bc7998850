// @ts-nocheck
/** What a page tells of itself. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { watchPage } from "../../../agent/web/callbox/page-events.js";

let page;
let network;
let told;
let stop;
const originals = {};

beforeEach(() => {
  page = new EventTarget();
  network = Object.assign(new EventTarget(), { type: "wifi" });
  for (const name of ["addEventListener", "removeEventListener"]) {
    originals[name] = globalThis[name];
    globalThis[name] = page[name].bind(page);
  }
  Object.defineProperty(globalThis, "navigator", {
    value: { connection: network },
    configurable: true,
    writable: true,
  });
  told = [];
  stop = watchPage({
    onLeave: () => told.push("leave"),
    onNetworkChange: () => told.push("network"),
  });
});

afterEach(() => {
  stop();
  Object.assign(globalThis, originals);
});

test("the page goes away, or is online again", () => {
  page.dispatchEvent(new Event("pagehide"));
  page.dispatchEvent(new Event("online"));
  assert.deepEqual(told, ["leave", "network"]);
});

test("another kind of network is a change, another estimate of the same is none", () => {
  network.dispatchEvent(new Event("change"));
  assert.deepEqual(told, []);
  network.type = "cellular";
  network.dispatchEvent(new Event("change"));
  network.dispatchEvent(new Event("change"));
  assert.deepEqual(told, ["network"]);
});

test("after the end nothing is told", () => {
  stop();
  network.type = "cellular";
  for (const name of ["pagehide", "online"]) page.dispatchEvent(new Event(name));
  network.dispatchEvent(new Event("change"));
  assert.deepEqual(told, []);
});
