// @ts-nocheck
/** The notification of a ring: when it is there, and browsers that do not want it. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { askToNotify, notificationState, RingNotification } from "../../agent/web/notification.js";

const WORDS = { title: "door-1 is calling", body: "Pick up", silent: false };

let made;
let closed;
let focused;
let onVisibility;

class FakeNotification extends EventTarget {
  static permission = "granted";
  static answer = "granted";
  static async requestPermission() {
    return (this.permission = this.answer);
  }

  constructor(title, options) {
    super();
    made.push({ title, ...options, element: this });
  }

  close() {
    closed += 1;
  }
}

beforeEach(() => {
  made = [];
  closed = 0;
  focused = 0;
  FakeNotification.permission = "granted";
  FakeNotification.answer = "granted";
  globalThis.Notification = FakeNotification;
  globalThis.isSecureContext = true;
  globalThis.window = { focus: () => (focused += 1) };
  globalThis.document = {
    hidden: true,
    addEventListener: (name, listener) => name === "visibilitychange" && (onVisibility = listener),
  };
});

afterEach(() => {
  for (const name of ["Notification", "isSecureContext", "window", "document"])
    delete globalThis[name];
});

function see(isSeen) {
  document.hidden = !isSeen;
  onVisibility();
}

test("it is there while it rings and nobody sees the page", () => {
  document.hidden = false;
  const notification = new RingNotification();
  notification.begin(WORDS);
  assert.equal(made.length, 0);
  see(false);
  see(false);
  assert.deepEqual(
    made.map(({ title, body }) => [title, body]),
    [["door-1 is calling", "Pick up"]],
  );
  see(true);
  assert.equal(closed, 1);
  see(false);
  notification.end();
  assert.deepEqual([made.length, closed], [2, 2]);
  see(true);
  see(false);
  assert.equal(made.length, 2, "nothing rings any more");
});

test("a click on it brings the page to the front", () => {
  new RingNotification().begin(WORDS);
  made[0].element.dispatchEvent(new Event("click"));
  assert.deepEqual([focused, closed], [1, 1]);
});

test("without the permission there is none", () => {
  for (const permission of ["denied", "default"]) {
    FakeNotification.permission = permission;
    new RingNotification().begin(WORDS);
  }
  assert.equal(made.length, 0);
});

test("a browser that takes them from service workers alone costs no ring", (context) => {
  context.mock.method(console, "info", () => {});
  globalThis.Notification = class extends FakeNotification {
    static permission = "granted";
    constructor() {
      throw new TypeError("Illegal constructor");
    }
  };
  const notification = new RingNotification();
  notification.begin(WORDS);
  notification.end();
  assert.equal(closed, 0);
});

test("the person is asked once, and the answer is kept", async () => {
  for (const answer of ["granted", "denied"]) {
    FakeNotification.permission = "default";
    FakeNotification.answer = answer;
    assert.equal(await askToNotify(), answer === "granted");
    FakeNotification.answer = "asked again";
    assert.equal(await askToNotify(), answer === "granted");
  }
});

test("where it cannot be, that is said and nobody is asked", async () => {
  globalThis.isSecureContext = false;
  assert.equal(notificationState(), "unsupported");
  globalThis.isSecureContext = true;
  delete globalThis.Notification;
  assert.equal(notificationState(), "unsupported");
  assert.equal(await askToNotify(), false);
});
