// @ts-nocheck
/** The words of a call are those of the schemas, and a uid is what a topic's level may be. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { CALL_STATUSES, CLOSE_REASONS, isUid } from "../../../agent/web/callbox/vocabulary.js";

const schema = (name) =>
  readFileSync(
    fileURLToPath(new URL(`../../../config/schemas/${name}.json`, import.meta.url)),
    "utf8",
  );

test("each status of an answer stands in its schema", () => {
  const response = schema("signal-response");
  for (const status of CALL_STATUSES) assert.ok(response.includes(`"${status}"`), status);
});

test("each close reason stands in the schema of the call record", () => {
  const closed = schema("event-closed");
  for (const reason of CLOSE_REASONS) assert.ok(closed.includes(`"${reason}"`), reason);
});

test("a uid has 64 characters that mean nothing in a topic", () => {
  for (const good of ["a", "door-1", "A.b_c-9", "x".repeat(64)]) assert.ok(isUid(good), good);
  const bad = ["", "-a", ".a", "a/b", "a+", "#", "a b", "tür", "x".repeat(65), null, 7, ["a"]];
  for (const each of bad) assert.ok(!isUid(each), String(each));
});
