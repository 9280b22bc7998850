// @ts-check
/** The devices: how many are how, those that need somebody, and all of them. */

import { byId } from "./dom.js";
import { arrange, element } from "./elements.js";
import { translate } from "./i18n.js";
import { agoText, countText, known } from "./words.js";

/** @typedef {Record<string, any>} Device */

const TILES = ["devices", "online", "busy", "silent", "offline"];

/** What a device's dot says: worst first. @param {Device} device */
export function stateOf(device) {
  if (device.state !== "online") return device.state;
  if (device.faults?.includes("flapping")) return "flapping";
  if (device.faults?.length) return "fault";
  return device.busy ? "busy" : "online";
}

/** @param {{ states: Record<string, number>, devices: Device[] }} answer */
export function showDevices({ states, devices }) {
  arrange(byId("tiles"), TILES, String, (name) =>
    element(
      "div",
      { class: "tile-now", "data-state": name, "data-none": states[name] ? null : "" },
      element("dt", {}, translate(`now.${name}`)),
      element("dd", { "data-testid": `now-${name}` }, countText(states[name] ?? 0)),
    ),
  );
  const wrong = devices.filter((each) => each.faults);
  arrange(byId("worst"), wrong.slice(0, 12), keyOf, worstRow);
  byId("worst-none").hidden = wrong.length > 0 || devices.length === 0;
  const sorted = [...devices].sort((a, b) => a.device.localeCompare(b.device));
  arrange(byId("devices"), sorted, keyOf, (device) =>
    element("li", {}, deviceLink(device, stateChip(device))),
  );
  const more = (states.devices ?? 0) - devices.length;
  byId("devices-note").textContent =
    more > 0
      ? translate("devices.more", { count: countText(more) })
      : devices.length
        ? ""
        : translate("devices.none");
}

/** @param {Device} device */
const keyOf = (device) => device.device;

/** @param {Device} device @param {Node[]} more */
export function deviceLink(device, ...more) {
  const href = `#device=${encodeURIComponent(device.device)}`;
  return element("a", { href, class: "device-link" }, element("strong", {}, device.device), ...more);
}

/** @param {Device} device */
export function stateChip(device) {
  const state = stateOf(device);
  return element(
    "span",
    { class: "chip", "data-state": state },
    element("span", { class: "dot" }),
    translate(`state.${state}`),
  );
}

/** @param {Device} device */
function worstRow(device) {
  return element(
    "li",
    { "data-testid": `worst-${device.device}` },
    element(
      "p",
      { class: "who" },
      deviceLink(device),
      stateChip(device),
      device.lastSeen
        ? element("span", { class: "soft" }, translate("worst.seen", { ago: agoText(device.lastSeen) }))
        : null,
    ),
    faultList(device),
  );
}

/** Each fault with what to do. @param {Device} device */
export function faultList(device) {
  const advice = String(device.advice ?? "").split("; ");
  return element(
    "ul",
    { class: "faults" },
    .../** @type {string[]} */ (device.faults ?? []).map((code, index) =>
      element(
        "li",
        {},
        element("strong", {}, known(`fault.${code}`, code)),
        " ",
        element("span", {}, known(`advice.${code}`, advice[index] ?? "")),
      ),
    ),
  );
}
