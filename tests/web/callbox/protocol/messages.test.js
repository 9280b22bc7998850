// @ts-nocheck
/**
 * The messages that every implementation of the protocol reads: each right one is understood, each
 * wrong one refused alike.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import {
  CALL_STATUSES,
  CLOSE_REASONS,
  MalformedMessage,
  parseSignal,
} from "../../../../agent/web/callbox/index.js";

const folder = fileURLToPath(new URL("../../../data/wire/", import.meta.url));
const cases = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => ({ name: name.slice(0, -5), ...JSON.parse(readFileSync(folder + name, "utf8")) }))
  .filter(({ kind }) => kind === "signal");

for (const { name, description, message, text, valid, code, field } of cases) {
  test(`${name}: ${description}`, () => {
    const payload = new TextEncoder().encode(text ?? JSON.stringify(message));
    if (valid) {
      assert.deepEqual(parseSignal(payload), message ?? JSON.parse(text));
      return;
    }
    assert.throws(
      () => parseSignal(payload),
      (fault) => {
        assert.ok(fault instanceof MalformedMessage);
        assert.equal(fault.code, code);
        if (field)
          assert.ok(fault.message.startsWith(field), `${fault.message} should begin with ${field}`);
        return true;
      },
    );
  });
}

test("there are right and wrong ones of every kind", () => {
  const types = new Set(cases.filter(({ valid }) => valid).map(({ message }) => message?.type));
  for (const type of [
    "invite",
    "ringing",
    "response",
    "select",
    "candidate",
    "offer",
    "answer",
    "close",
    "error",
  ]) {
    assert.ok(types.has(type), type);
  }
});

test("a payload over 64 KiB is refused before it is parsed", () => {
  assert.throws(() => parseSignal(new Uint8Array(65_537)), { code: "too_large" });
});

test("the words of a call are those of the schemas", () => {
  const read = (name) =>
    JSON.parse(
      readFileSync(
        fileURLToPath(new URL(`../../../../config/schemas/${name}.json`, import.meta.url)),
        "utf8",
      ),
    );
  const { $defs } = read("event-closed");
  assert.deepEqual([...CLOSE_REASONS].sort(), [...$defs.CloseReason.enum].sort());
  assert.deepEqual([...CALL_STATUSES].sort(), [...$defs.CallStatus.enum].sort());
});
