// @ts-nocheck
/** What the page does as the connection to the broker comes, goes and is refused. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Connection } from "../../agent/web/connection.js";

const CONFIGURATION = { broker: "/mqtt", uid: "hall", token: "old" };
const UNREACHABLE = { state: "reconnecting", code: "broker_unreachable" };
const REFUSED = { state: "reconnecting", code: "not_authorized" };

let chip;
let headers;
let press;
let answer;
let reads;
let told;
let connection;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  chip = { dataset: {} };
  globalThis.document = { getElementById: () => chip };
  [answer, reads, told] = [{ status: 200, body: CONFIGURATION }, 0, []];
  globalThis.fetch = async (_name, options) => {
    reads += 1;
    headers = options.headers;
    const { status, body } = answer;
    return { status, ok: status === 200, json: async () => body };
  };
  connection = new Connection({
    configuration: CONFIGURATION,
    notices: {
      show: (key, _kind, action) => {
        told.push(key);
        press = action;
      },
      clear: (...keys) => told.push(`clear ${keys.length}`),
    },
    login: { refused: () => told.push("login"), accepted: () => told.push("accepted") },
    onChangedConfiguration: () => told.push("changed"),
  });
});

afterEach(() => {
  mock.timers.reset();
  delete globalThis.document;
  delete globalThis.fetch;
});

async function changed(detail) {
  connection.changed(detail);
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

test("a broker that is away for a moment is not worth a word, one that stays away is", async () => {
  await changed({ state: "reconnecting" });
  mock.timers.tick(2400);
  await changed({ state: "connected" });
  mock.timers.tick(5000);
  assert.deepEqual(told, ["clear 3", "accepted"]);
  await changed({ state: "reconnecting" });
  mock.timers.tick(2500);
  assert.equal(told.at(-1), "error.broker");
  assert.deepEqual([chip.dataset.state, reads], ["reconnecting", 0]);
});

test("each attempt to connect that fails reads config.json again, one at a time", async () => {
  await Promise.all([changed(UNREACHABLE), changed(UNREACHABLE)]);
  assert.equal(reads, 1);
  await changed(UNREACHABLE);
  assert.equal(reads, 2);
});

test("another token leads to another connection, and to no form", async () => {
  answer.body = { ...CONFIGURATION, token: "new", iceServers: [{ urls: "stun:a" }] };
  await changed(REFUSED);
  assert.deepEqual(told, ["error.authorization", "clear 1", "changed"]);
});

test("a page that is refused asks for a login, also while its server is away", async () => {
  await changed(REFUSED);
  assert.deepEqual(told, ["error.authorization", "clear 1", "login"]);
  answer = { status: 500 };
  await changed(REFUSED);
  assert.equal(told.at(-1), "login");
});

test("a page whose own password is another one asks on without a form, and goes on by itself", async () => {
  answer = { status: 401 };
  await changed(UNREACHABLE);
  await changed(UNREACHABLE);
  assert.deepEqual([told, reads], [["error.session", "error.session"], 2]);
  assert.ok(headers["Callbox-Background"]);
  answer = { status: 200, body: CONFIGURATION };
  await changed(UNREACHABLE);
  assert.equal(told.at(-1), "clear 1");
});

test("whoever presses for it is asked for the page's password by the browser", async () => {
  answer = { status: 401 };
  await changed(UNREACHABLE);
  answer = { status: 200, body: CONFIGURATION };
  press();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assert.equal(headers["Callbox-Background"], undefined);
  assert.deepEqual([reads, told.at(-1)], [2, "clear 1"]);
});
