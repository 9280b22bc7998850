// @ts-nocheck
/** Views: what they may send, and what they become. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Viewing } from "../../../../agent/web/callbox/rules/viewing.js";

test("a talk keeps its grant", () => {
  const grant = { maxDuration: 60 };
  assert.equal(new Viewing().narrow(grant, "incoming"), grant);
  assert.equal(new Viewing().looks, false);
});

test("a view goes one way", () => {
  const viewing = new Viewing("view");
  assert.deepEqual(viewing.narrow({ maxDuration: 60 }, "incoming"), {
    maxDuration: 60,
    receives: false,
  });
  assert.deepEqual(viewing.narrow({}, "outgoing"), { sends: false });
});

test("a view takes the line from the moment that it asks", () => {
  const viewing = new Viewing("view");
  assert.equal(viewing.looks, true);
  viewing.ask(1, {});
  assert.deepEqual([viewing.looks, viewing.asks, viewing.purpose], [false, true, "view"]);
  viewing.refuse("busy", "no line is free");
  assert.deepEqual(viewing.refusal, { code: "busy", message: "no line is free" });
  assert.equal(viewing.looks, true);
  viewing.ask(2, {});
  viewing.becomeTalk();
  assert.deepEqual([viewing.looks, viewing.asks, viewing.purpose], [false, false, "talk"]);
});
