// @ts-nocheck
/** What a page tells of itself. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { watchPage } from "../../../agent/web/callbox/page-events.js";

let page;
let network;
let document;
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
  document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  globalThis.document = document;
  told = [];
  stop = watchPage({
    onLeave: () => told.push("leave"),
    onReturn: () => told.push("return"),
    onNetworkChange: () => told.push("network"),
  });
});

afterEach(() => {
  stop();
  Object.assign(globalThis, originals);
  delete globalThis.document;
});

test("the page goes away, or is online again", () => {
  page.dispatchEvent(new Event("pagehide"));
  page.dispatchEvent(new Event("online"));
  assert.deepEqual(told, ["leave", "network"]);
});

test("the page is looked at again, which it is not while it is hidden", () => {
  for (const visibilityState of ["hidden", "visible"]) {
    document.visibilityState = visibilityState;
    document.dispatchEvent(new Event("visibilitychange"));
  }
  assert.deepEqual(told, ["return"]);
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
  document.dispatchEvent(new Event("visibilitychange"));
  network.dispatchEvent(new Event("change"));
  assert.deepEqual(told, []);
});
