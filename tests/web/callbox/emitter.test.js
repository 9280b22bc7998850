// @ts-nocheck
/** Events by name. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { CallClient, Conversation } from "../../../agent/web/callbox/index.js";
import { Emitter } from "../../../agent/web/callbox/emitter.js";

test("on: an unknown name is refused, and the known ones are told", () => {
  const emitter = new Emitter(["closed", "error"]);
  const expected = {
    name: "TypeError",
    message: 'there is no event "close"; there are closed, error',
  };
  assert.throws(() => emitter.on("close", () => {}), expected);
  assert.throws(() => emitter.off("close", () => {}), expected);
});

test("on: a client and a conversation refuse unknown names", () => {
  const client = new CallClient({ broker: "ws://broker.test", uid: "me", connect: () => {} });
  assert.throws(
    () => client.on("response", () => {}),
    /there are called, connection, presence, household, error/,
  );
  assert.ok(Conversation.prototype instanceof Emitter);
});

test("emit: every argument is passed on, and a listener is called until it is taken away", () => {
  const emitter = new Emitter(["response"]);
  const [first, second] = [mock.fn(), mock.fn()];
  const stop = emitter.on("response", first);
  emitter.on("response", second);
  assert.ok(emitter.emit("response", "BUSY", { reason: "busy" }));
  stop();
  emitter.off("response", second);
  assert.ok(!emitter.emit("response", "BUSY", {}));
  for (const listener of [first, second]) {
    assert.deepEqual(
      listener.mock.calls.map(({ arguments: each }) => each),
      [["BUSY", { reason: "busy" }]],
    );
  }
});
