// @ts-nocheck
/** As whom the page is at the broker. The form itself is tried in a browser (test_page_login.py). */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { connectsElsewhere, identityOf, storedLogin, storeLogin } from "../../agent/web/login.js";

const OWN = "web-abcdef";
const LOGIN = { username: "front-desk", password: "secret" };

beforeEach(() => {
  const items = new Map();
  globalThis.sessionStorage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, String(value)),
    removeItem: (key) => items.delete(key),
  };
});

afterEach(() => delete globalThis.sessionStorage);

test("without a login the page is whom config.json says, else this browser", () => {
  assert.deepEqual(identityOf({ broker: "/mqtt" }, null, OWN), { uid: OWN });
  const given = { broker: "/mqtt", uid: "hall", username: "hall", token: "t0k3n" };
  assert.deepEqual(identityOf(given, null, OWN), { uid: "hall", username: "hall", token: "t0k3n" });
  assert.deepEqual(identityOf({ broker: "/mqtt", uid: "hall", token: "t" }, null, OWN), {
    uid: "hall",
    token: "t",
  });
});

test("a login goes before config.json, and its user name is the uid", () => {
  const given = { broker: "/mqtt", uid: "hall", username: "hall", token: "t0k3n" };
  const expected = { uid: "front-desk", username: "front-desk", token: "secret" };
  assert.deepEqual(identityOf(given, LOGIN, OWN), expected);
  assert.deepEqual(identityOf({ broker: "/mqtt" }, LOGIN, OWN), expected);
});

test("a user name that can be no uid leaves the uid as it is", () => {
  const login = { username: "me@example.org", password: "" };
  const expected = { username: "me@example.org", token: "" };
  assert.deepEqual(identityOf({ broker: "/mqtt" }, login, OWN), { uid: OWN, ...expected });
  const given = { broker: "/mqtt", uid: "hall", token: "t0k3n" };
  assert.deepEqual(identityOf(given, login, OWN), { uid: "hall", ...expected });
});

test("a login is kept for the tab until it is forgotten", () => {
  assert.equal(storedLogin(), null);
  storeLogin(LOGIN);
  assert.deepEqual(storedLogin(), LOGIN);
  storeLogin(null);
  assert.equal(storedLogin(), null);
});

test("what is stored and no login is none", () => {
  for (const text of ["{", "null", "[]", '{"username":"a"}', '{"username":"","password":"b"}']) {
    sessionStorage.setItem("callbox.login", text);
    assert.equal(storedLogin(), null, text);
  }
});

test("other ICE servers are the same connection, another token is not", () => {
  const before = { broker: "/mqtt", uid: "hall", token: "old", iceServers: [] };
  assert.ok(!connectsElsewhere(before, { ...before, iceServers: [{ urls: "stun:a" }] }));
  for (const change of [{ token: "new" }, { uid: "door" }, { broker: "/other" }, { prefix: "p" }])
    assert.ok(connectsElsewhere(before, { ...before, ...change }), JSON.stringify(change));
});
