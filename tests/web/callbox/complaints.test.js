// @ts-nocheck
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Complaints } from "../../../agent/web/callbox/complaints.js";
import { MalformedMessage } from "../../../agent/web/callbox/protocol/malformed.js";

test("a sender is answered ten times in ten seconds, and never for an error", (context) => {
  let now = 20_000;
  mock.method(performance, "now", () => now);
  context.after(() => mock.restoreAll());
  const complaints = new Complaints();
  const fault = Object.assign(new MalformedMessage("no", "invite"), { type: "invite" });
  const error = Object.assign(new MalformedMessage("no", "error"), { type: "error" });
  assert.equal(complaints.mayAnswer(error), false);
  const first = Array.from({ length: 12 }, () => complaints.mayAnswer(fault));
  assert.equal(first.filter(Boolean).length, 10);
  now += 10_001;
  assert.equal(complaints.mayAnswer(fault), true);
});
