// @ts-nocheck
/** Checks of single fields of a message: what is wrong with a value, in words. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as checks from "../../../../agent/web/callbox/protocol/checks.js";

const holds = (check, good, bad) => {
  for (const value of good) assert.equal(check(value), undefined, JSON.stringify(value));
  for (const value of bad) assert.equal(typeof check(value), "string", JSON.stringify(value));
};

test("times are RFC 3339, of a day that there is", () => {
  holds(
    checks.time,
    ["2026-11-22T10:15:00Z", "2026-11-22T10:15:00.123456789+08:00", "2028-02-29T00:00:00Z"],
    ["2026-11-22", "2026-02-30T00:00:00Z", "2026-11-22T25:00:00Z", "2026-11-22 10:15:00Z", 7, null],
  );
});

test("a conversation is a UUID, a party 64 characters that are seen", () => {
  const id = "3f0c8e52-7c55-4b8e-9a49-0d5f8e6c1a11";
  holds(checks.conversationId, [id, id.toUpperCase()], [id.slice(1), `${id} `, "", 1, undefined]);
  holds(checks.partyId, ["p", "~".repeat(64)], ["", "a b", "ä", "x".repeat(65), 1]);
});

test("a generation is a whole number from 1", () => {
  holds(checks.generation, [1, 1_000_000], [0, 1.5, "1", 1_000_001, NaN]);
});

test("a candidate is a line of its media, or null at the end", () => {
  holds(
    checks.candidate,
    [null, { candidate: "" }, { candidate: "candidate:1 1 udp", sdpMid: "0", sdpMLineIndex: 0 }],
    [undefined, "text", {}, { candidate: "x".repeat(1025) }, { candidate: "", sdpMLineIndex: 64 }],
  );
});

test("ICE servers are of four schemes, at most ten with eight addresses each", () => {
  const server = { urls: "turn:example.org", username: "u", credential: "c" };
  holds(
    checks.iceServers,
    [[], [server], [{ urls: ["stun:a", "turns:b"] }]],
    [
      {},
      Array(11).fill(server),
      [{ urls: Array(9).fill("stun:a") }],
      [{ urls: "http://example.org" }],
      [{ ...server, username: 7 }],
      ["stun:a"],
    ],
  );
});

test("a fault says where it is", () => {
  assert.match(checks.iceServers([{ urls: "stun:a" }, { urls: "ftp:a" }]), /^\.1\.urls: /);
});

test("user data has 4 KiB of JSON", () => {
  holds(checks.userData, ["x".repeat(4094), { text: "hello" }], ["x".repeat(4095)]);
});
