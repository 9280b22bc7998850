// @ts-nocheck
/** What the page says and draws, as far as it needs no browser. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { CLOSE_REASONS } from "../../agent/web/conversation.js";
import { clockText } from "../../agent/web/dom.js";
import { chooseLanguage, TEXTS } from "../../agent/web/i18n.js";
import { doorsOf, repliesOf } from "../../agent/web/door-panel.js";
import { othersRung, snapshotOf } from "../../agent/web/incoming.js";
import { bitrateText, drawLine, lossPercent } from "../../agent/web/plots.js";
import { pressSentence } from "../../agent/web/press-button.js";
import { operationRefusal, sentenceOf, talkRefusal, wentWell } from "../../agent/web/sentences.js";
import { answerText } from "../../agent/web/summary.js";
import { switchesOf } from "../../agent/web/switches.js";

const source = (name) =>
  readFileSync(fileURLToPath(new URL(`../../agent/web/${name}`, import.meta.url)), "utf8");

// -- words ----------------------------------------

test("both languages say everything, with the same names to fill in", () => {
  const names = (text) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
  assert.deepEqual(Object.keys(TEXTS.zh).sort(), Object.keys(TEXTS.en).sort());
  for (const [key, text] of Object.entries(TEXTS.en))
    assert.deepEqual(names(TEXTS.zh[key]), names(text), key);
});

test("every text that the page asks for exists", () => {
  const marked = [...source("index.html").matchAll(/data-i18n(?:-label)?="([^"]+)"/g)].map(
    ([, key]) => key,
  );
  const scripts = [
    "page.js",
    "stage.js",
    "door-panel.js",
    "operations.js",
    "press-button.js",
    "switches.js",
    "visits.js",
    "devices.js",
    "incoming.js",
    "ringing.js",
    "connection.js",
    "local-tracks.js",
    "login.js",
    "notices.js",
    "settings.js",
    "summary.js",
    "talk-button.js",
    "measurements.js",
    "plots.js",
  ];
  const used = scripts.flatMap((name) => [
    ...source(name).matchAll(
      /"((?:app|connection|control|devices|door|end|error|incoming|login|notice|notify|operation|plots|press|settings|stage|summary|visits)\.[\w.]+)"/g,
    ),
  ]);
  const keys = [...marked, ...used.map(([, key]) => key)].filter(
    (key) => !/^(config)\.|\.json$/.test(key),
  );
  assert.ok(keys.length > 50);
  assert.deepEqual(
    keys.filter((key) => !(key in TEXTS.en)),
    [],
  );
});

test("the device's words are explained in the language that the browser prefers", () => {
  assert.equal(chooseLanguage(["zh-Hans-CN", "en"]), "zh");
  assert.equal(chooseLanguage(["de-DE", "zh-TW"]), "zh");
  assert.equal(chooseLanguage(["de-DE"]), "en");
  assert.equal(chooseLanguage(["zh-CN"], "en"), "en");
});

// -- how a call ended ----------------------------------------

test("there is a sentence for every way a call can end", () => {
  for (const reason of CLOSE_REASONS) {
    for (const closedBy of ["local", "remote"]) {
      for (const direction of ["incoming", "outgoing"]) {
        const key = sentenceOf({ reason, closedBy, direction });
        assert.ok(key in TEXTS.en, `${reason} by ${closedBy}, ${direction}: ${key}`);
      }
    }
  }
});

test("a refusal is explained by its code", () => {
  const rejected = { reason: "rejected", closedBy: "remote", direction: "outgoing" };
  assert.equal(
    sentenceOf({ ...rejected, responseReason: "not_allowed" }),
    "end.rejected.not_allowed",
  );
  assert.equal(sentenceOf({ ...rejected, responseReason: "rejected" }), "end.rejected.remote");
  assert.equal(sentenceOf({ ...rejected, responseReason: "on_holiday" }), "end.rejected.other");
  assert.equal(sentenceOf({ ...rejected, closedBy: "local" }), "end.rejected.local");
});

test("nobody answered is not the same as never got out, nor as a wrong clock", () => {
  const timeout = { reason: "invite_timeout", closedBy: "local", direction: "outgoing" };
  assert.equal(sentenceOf(timeout), "end.invite_timeout.outgoing");
  assert.equal(sentenceOf(timeout, "broker_unreachable"), "end.invite_timeout.broker");
  assert.equal(
    sentenceOf({ ...timeout, closedBy: "remote", responseReason: "expired" }),
    "end.invite_timeout.expired",
  );
  assert.equal(sentenceOf({ ...timeout, direction: "incoming" }), "end.invite_timeout.incoming");
});

test("a fault of this browser is not put on the device", () => {
  const ended = { reason: "unknown_reason", closedBy: "local", direction: "outgoing" };
  assert.equal(sentenceOf(ended, "offer_failed"), "end.local_failure");
  assert.equal(sentenceOf(ended, "candidate_failed"), "end.unknown_reason");
});

test("who may not talk hears why", () => {
  assert.equal(talkRefusal("must_ring"), "talk.must_ring");
  assert.equal(talkRefusal("strangers"), "talk.not_allowed");
});

test("each answer is said in words, and a rule's reason beside it", () => {
  const said = ["ACCEPTED", "REJECTED", "BUSY", "TIMEOUT"].map((status) => answerText(status, "busy"));
  assert.deepEqual(said, ["Accepted", "Declined (busy)", "Busy", "No answer"]);
  assert.equal(answerText("REJECTED", "rejected"), "Declined");
  assert.equal(answerText("REJECTED"), "Declined");
});

test("what somebody wanted went well", () => {
  assert.ok(wentWell({ reason: "user_hangup", closedBy: "remote" }));
  assert.ok(wentWell({ reason: "rejected", closedBy: "local" }));
  assert.ok(!wentWell({ reason: "rejected", closedBy: "remote" }));
  assert.ok(!wentWell({ reason: "ice_failed", closedBy: "local" }));
});

// -- pictures ----------------------------------------

test("a snapshot is a JPEG of a size that an invitation can carry, or nothing", () => {
  assert.equal(snapshotOf({ snapshot: "/9j/4AAQ" }), "data:image/jpeg;base64,/9j/4AAQ");
  const typed = (type) => ({ snapshot: { type, data: "/9j/4AAQ" } });
  assert.equal(snapshotOf(typed("image/jpeg")), "data:image/jpeg;base64,/9j/4AAQ");
  assert.equal(snapshotOf(typed("image/png")), null);
  assert.equal(
    snapshotOf({ snapshot: "data:image/jpeg;base64,/9j/4AAQ" }),
    "data:image/jpeg;base64,/9j/4AAQ",
  );
  const others = [
    null,
    "text",
    {},
    { snapshot: 7 },
    { snapshot: "javascript:alert(1)" },
    { snapshot: "https://example.org/a.jpg" },
  ];
  const pictures = [
    { snapshot: "data:image/svg+xml;base64,PHN2Zz4=" },
    { snapshot: '/9j/" onerror="x' },
    { snapshot: `/9j/${"A".repeat(5000)}` },
  ];
  for (const userData of [...others, ...pictures]) assert.equal(snapshotOf(userData), null);
});

test("a line ends at the right, and never leaves its drawing", () => {
  const { line, area } = drawLine([0, 10, 5], 5);
  const points = line
    .slice(1)
    .split("L")
    .map((point) => point.split(" ").map(Number));
  assert.equal(points.length, 3);
  assert.equal(points.at(-1)[0], 100);
  for (const [x, y] of points) assert.ok(x >= 0 && x <= 100 && y >= 0 && y <= 32);
  assert.ok(area.startsWith(line) && area.endsWith("Z"));
  assert.equal(drawLine([], 5).line, "");
  assert.equal(drawLine([1], 5).line, "");
});

test("loss is of the packets since the report before", () => {
  const report = (received, lost) => ({ video: { packetsReceived: received, packetsLost: lost } });
  assert.equal(lossPercent(report(90, 10), null), 10);
  assert.equal(lossPercent(report(190, 10), report(90, 10)), 0);
  assert.equal(lossPercent(report(190, 8), report(90, 10)), 0); // late ones arrived after all
  assert.equal(lossPercent(report(90, 10), report(90, 10)), undefined);
  assert.equal(lossPercent({}, null), undefined);
});

test("numbers as people read them", () => {
  assert.equal(clockText(72.9), "1:12");
  assert.equal(clockText(3661), "1:01:01");
  assert.equal(bitrateText(2_340_000), "2.3 Mbit/s");
  assert.equal(bitrateText(64_400), "64 kbit/s");
});

// -- a door ---------------------------------------

test("who else is rung are uids, and not oneself", () => {
  const userData = { targets: ["alice", "<b>", 7, "bob", "me"] };
  assert.deepEqual(othersRung(userData, "me"), ["alice", "bob"]);
  for (const odd of [null, "x", {}, { targets: "alice" }]) assert.deepEqual(othersRung(odd), []);
});

test("what can be done at a door is what the device says, bounded", () => {
  const outputs = [
    { name: "door", kind: "door" },
    { name: "gate", kind: "door", code: true },
    { name: "lamp", kind: "light" },
    null,
    { kind: "door" },
  ];
  assert.deepEqual(doorsOf({ outputs }), [
    { name: "door", code: false },
    { name: "gate", code: true },
  ]);
  assert.equal(doorsOf({ outputs: Array(99).fill(outputs[0]) }).length, 4);
  assert.deepEqual(repliesOf({ messages: ["parcel", "../etc", "", 5, "chime"] }), ["parcel"]);
  for (const odd of [undefined, { outputs: 1, messages: "x" }])
    assert.deepEqual([...doorsOf(odd), ...repliesOf(odd)], []);
});

test("what a login may not switch, or a device has not got, is not offered", () => {
  const settings = { privacy: true };
  const all = { privacy: true, silencedUntil: null };
  assert.deepEqual(switchesOf(() => true, settings), all);
  const neither = { privacy: undefined, silencedUntil: undefined };
  assert.deepEqual(switchesOf(() => false, settings), neither);
  assert.deepEqual(switchesOf(() => true, {}).privacy, undefined);
});

test("every refusal of an operation and every press has its sentence", () => {
  for (const code of ["wrong_code", "locked", "timeout", "not_authorized", "whatever"])
    assert.ok(operationRefusal(code) in TEXTS.en, code);
  assert.equal(operationRefusal("whatever"), "operation.failed");
  const outcomes = [{ ok: true }, { ok: true, repeated: true }, { ok: false, suppressed: "busy" }];
  const said = [...outcomes, null].map(pressSentence);
  assert.deepEqual(said, ["press.rang", "press.repeated", "press.suppressed", "press.failed"]);
  for (const key of said) assert.ok(key in TEXTS.en);
});

test("the sentence names who answered elsewhere, where it is known", () => {
  const record = { reason: "answered_elsewhere", closedBy: "remote", direction: "incoming" };
  assert.equal(sentenceOf(record), "end.answered_elsewhere");
  assert.equal(sentenceOf({ ...record, takenBy: "alice" }), "end.answered_elsewhere.by");
});
