// @ts-nocheck
/**
 * The scenarios that every implementation of the rules runs (`tests/data/scenarios`), one test
 * each.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { IncomingCall } from "../../../../agent/web/callbox/rules/incoming.js";
import { CALL_TIMING } from "../../../../agent/web/callbox/rules/machine.js";
import { OutgoingCall } from "../../../../agent/web/callbox/rules/outgoing.js";
import { CallRegistry } from "../../../../agent/web/callbox/rules/registry.js";
import { NOT_OF_BROWSERS } from "./browser-own.js";

const folder = fileURLToPath(new URL("../../../data/scenarios/", import.meta.url));
const scenarios = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => ({ name: name.slice(0, -5), ...JSON.parse(readFileSync(folder + name, "utf8")) }));

const timingOf = ({ timing = {} }) => ({ ...CALL_TIMING, ...timing });

function makeIncoming(scenario, { invitation, decision = null, crossing = null }, now) {
  const request = crossing && { type: "crossingFound", ...crossing };
  const timing = timingOf(scenario);
  return new IncomingCall(invitation, scenario.ownParty, timing, now, decision, request);
}

function makeOutgoing(scenario, { conversation, ...plan }, now) {
  return new OutgoingCall(conversation, scenario.ownParty, plan, timingOf(scenario), now);
}

/** As the scenarios write effects: without what has its default. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "number") return Math.round(value * 1e6) / 1e6;
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name, each]) =>
      each !== undefined &&
      (each !== null || name === "candidate") &&
      !(name === "iceServers" && each.length === 0),
  );
  return Object.fromEntries(kept.map(([name, each]) => [name, plain(each)]));
}

function runCall(scenario) {
  let call;
  return ({ at, start, input }) => {
    let outcome;
    if (start) {
      const make = scenario.role === "incoming" ? makeIncoming : makeOutgoing;
      call = make(scenario, start, at);
      outcome = { effects: call.start(at) };
    } else outcome = call.handle(input, at);
    return {
      ...(outcome.refused ? { refused: true } : {}),
      effects: outcome.effects,
      state: call.state,
      deadline: call.nextDeadline(),
    };
  };
}

/** All calls of one party: as a client does, it asks the registry and routes what arrives. */
function runRegistry(scenario) {
  const registry = new CallRegistry(scenario.maxConversations, scenario.maxViewers);
  /** What comes of what calls that cross mean for each other. */
  const follow = (followUps, at) => followUps.flatMap(([call, input]) => take(call, input, at));
  const take = (call, input, at) => {
    const before = call.signaledAs;
    const { effects, refused } = call.handle(input, at);
    if (refused) return [];
    if (call.signaledAs !== before) registry.rename(call, before, at);
    if (call.state === "closed") registry.remove(call, at);
    return [...effects, ...follow(registry.follow(call), at)];
  };
  const begin = (call, at, own) => {
    const followUps = registry.add(call, own);
    const effects = call.start(at);
    if (call.state === "closed") registry.remove(call, at);
    return [...effects, ...follow([...registry.follow(call), ...followUps], at)];
  };
  const invited = (step) => {
    const { admission, effects } = registry.admit(step.invitation, step.at);
    if (admission !== "new") return { admission, effects };
    const { own, ...ruling } = registry.rule(step.invitation, step.decision ?? null);
    const call = makeIncoming(scenario, { ...step, ...ruling }, step.at);
    return { admission, effects: begin(call, step.at, own) };
  };
  const heard = ({ at, conversation, input }) => {
    const call = registry.calls.get(conversation);
    if (!call) {
      if (input.type === "closeReceived") registry.unknownClose(conversation, input.uid, at);
      const answers = input.type === "responseReceived" || input.type === "ringingReceived";
      return answers ? registry.unknownResponse(conversation, input) : [];
    }
    const instead = registry.defer(call, input);
    return instead ? follow(instead, at) : take(call, input, at);
  };
  /** What a call whose line another one takes over says as it ends. */
  const displaced = ({ at, conversation }) => {
    const call = registry.calls.get(conversation);
    const lost = call?.accepted ? registry.displacedBy(call) : null;
    if (!lost) return { effects: [] };
    const { effects } = lost.handle({ type: "closeRequested", reason: "replaced" }, at);
    registry.remove(lost, at);
    return { displaced: lost.conversation, effects };
  };
  return (step) => {
    let result;
    if (step.start)
      result = { effects: begin(makeOutgoing(scenario, step.start, step.at), step.at) };
    else if (step.invitation) result = invited(step);
    else {
      const effects = heard(step);
      const given = displaced(step);
      result = { ...given, effects: [...effects, ...given.effects] };
    }
    return { ...result, busy: registry.busy };
  };
}

for (const scenario of scenarios.filter(({ name }) => !(name in NOT_OF_BROWSERS))) {
  test(`${scenario.name}: ${scenario.about}`, () => {
    const take = scenario.role === "registry" ? runRegistry(scenario) : runCall(scenario);
    for (const [
      index,
      { at, start, invitation, decision, conversation, input, ...expected },
    ] of scenario.steps.entries()) {
      const outcome = take({ at, start, invitation, decision, conversation, input });
      assert.deepEqual(plain(outcome), plain(expected), `step ${index}, at ${at}`);
    }
  });
}

test("scenarios_not_of_browsers_exist", () => {
  const names = scenarios.map(({ name }) => name);
  assert.ok(names.length >= 50, `${names.length} scenarios`);
  for (const name of Object.keys(NOT_OF_BROWSERS)) assert.ok(names.includes(name), name);
});
