// @ts-nocheck
/**
 * The tables of the rules are the ones that every implementation has (`config/call-table.json`).
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { INCOMING } from "../../../../agent/web/callbox/rules/incoming.js";
import { CALL_TIMING, STAY } from "../../../../agent/web/callbox/rules/machine.js";
import { OUTGOING } from "../../../../agent/web/callbox/rules/outgoing.js";
import { NOT_OF_BROWSERS, OWN_FIELDS, OWN_TIMING, OWN_UNUSED } from "./browser-own.js";

const shared = JSON.parse(
  readFileSync(
    fileURLToPath(new URL("../../../../config/call-table.json", import.meta.url)),
    "utf8",
  ),
);

const sorted = (table) =>
  Object.fromEntries(
    Object.entries(table).map(([state, rows]) => [
      state,
      Object.fromEntries(Object.entries(rows).map(([input, leads]) => [input, [...leads].sort()])),
    ]),
  );

const leadsOf = (table) =>
  Object.fromEntries(
    Object.entries(table).map(([state, rows]) => [
      state,
      Object.fromEntries(
        Object.entries(rows).map(([input, [, ...leads]]) => [
          input,
          leads.map((lead) => (lead === STAY ? state : lead)),
        ]),
      ),
    ]),
  );

for (const [role, table] of Object.entries({ incoming: INCOMING, outgoing: OUTGOING })) {
  test(`tables: ${role} has each row, and leads where all others lead`, () => {
    const { [role]: expected } = shared.tables;
    assert.deepEqual(sorted(leadsOf(table)), sorted({ closed: {}, ...expected }));
  });
}

test("tables: each row has an action", () => {
  const rows = [INCOMING, OUTGOING].flatMap((table) => Object.values(table).flatMap(Object.values));
  assert.ok(rows.every(([action]) => typeof action === "function"));
});

test("timing: the same, but for what is listed as a browser's own", () => {
  assert.deepEqual(CALL_TIMING, { ...shared.timing, ...OWN_TIMING });
});

test("browser-own: what is listed is in the shared table, and each has a reason", () => {
  for (const [input, fields] of Object.entries(OWN_FIELDS)) {
    const known = shared.inputs[input].map((name) => name.replace("?", ""));
    assert.ok(
      fields.every((name) => !known.includes(name)),
      input,
    );
  }
  for (const [input, reason] of Object.entries(OWN_UNUSED))
    assert.ok(input in shared.inputs && reason);
  assert.ok(Object.values(NOT_OF_BROWSERS).every(Boolean));
});
