// @ts-nocheck
/** Intervals that come from a worker. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { WorkerTimer } from "../../agent/web/worker-timer.js";

let workers;

beforeEach(() => {
  workers = [];
  globalThis.Worker = class extends EventTarget {
    posted = [];
    constructor(address) {
      super();
      this.address = address;
      workers.push(this);
    }
    postMessage(message) {
      this.posted.push(message);
    }
    tick(id) {
      this.dispatchEvent(Object.assign(new Event("message"), { data: id }));
    }
  };
});

afterEach(() => delete globalThis.Worker);

test("each interval is called back for, until it is cleared", () => {
  const timer = new WorkerTimer();
  assert.equal(workers.length, 0, "nothing is started before it is needed");
  const called = [];
  const first = timer.set(() => called.push("first"), 30_000);
  const second = timer.set(() => called.push("second"), 1000);
  const [worker] = workers;
  worker.tick(second);
  worker.tick(first);
  timer.clear(first);
  // on its way when it was cleared
  worker.tick(first);
  timer.clear(first);
  assert.deepEqual(called, ["second", "first"]);
  assert.deepEqual(worker.posted, [
    { id: first, every: 30_000 },
    { id: second, every: 1000 },
    { id: first, every: null },
  ]);
  assert.equal(workers.length, 1);
});
