// @ts-check
/** The fleet's page: asks, shows, and opens what the address names (#device=UID, #call=ID). */

import { showLatest, showOverview } from "./call-list.js";
import { showDevices } from "./device-list.js";
import { byId } from "./dom.js";
import { element } from "./elements.js";
import { currentLanguage, setLanguage, startLanguage, translate } from "./i18n.js";
import { ask, Poll } from "./questions.js";
import { callStory, deviceStory, pairOf } from "./story.js";

const RANGES = ["24h", "7d", "30d", "365d"];
let range = "24h";

/** @param {unknown} error */
function showState(error) {
  const live = byId("live");
  live.dataset.state = error ? "reconnecting" : "connected";
  byId("live-text").textContent = translate(error ? "live.lost" : "live.live");
  live.title = error instanceof Error ? error.message : "";
}

const devices = new Poll(1000, () => ask("devices"), (answer) => showDevices(/** @type {any} */ (answer)), showState);
const overview = new Poll(5000, () => ask("overview", { since: range }), showOverview, () => {});
const latest = new Poll(2000, () => ask("calls", { since: range }), showLatest, () => {});
/** @type {() => void} */
let againDetails = () => {};
const details = new Poll(
  2000,
  () => (current ? ask(current.name, current.wanted) : Promise.resolve(null)),
  () => againDetails(),
  () => {},
);
/** @type {{ name: string, wanted: Record<string, string> } | null} */
let current = null;

function showRanges() {
  byId("ranges").replaceChildren(
    ...RANGES.map((each) => {
      const pressed = String(each === range);
      const button = element("button", { type: "button", "aria-pressed": pressed, "data-range": each }, translate(`range.${each}`));
      button.addEventListener("click", () => {
        range = each;
        showRanges();
        /** @type {HTMLElement} */ (byId("ranges").querySelector(`[data-range="${each}"]`)).focus();
        void overview.now();
        void latest.now();
      });
      return button;
    }),
  );
}

/** @param {string} language */
function speak(language) {
  setLanguage(language, { store: language !== currentLanguage() });
  const other = byId("language");
  other.textContent = translate("app.language");
  other.setAttribute("aria-label", translate("app.language.label"));
  document.title = translate("app.title");
  showRanges();
  for (const poll of [devices, overview, latest]) poll.again();
  againDetails();
}

async function openNamed() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("details"));
  const [kind, value = ""] = location.hash.slice(1).split("=");
  if (kind !== "device" && kind !== "call") {
    current = null;
    if (dialog.open) dialog.close();
    return;
  }
  const named = decodeURIComponent(value);
  const wanted = kind === "device" ? { uid: named } : { conversation: named };
  const mine = { name: kind, wanted };
  current = mine;
  againDetails = async () => {
    if (current !== mine) return;
    const answer = await ask(kind, wanted).catch(() => null);
    if (current === mine) showDetails(kind, named, answer);
  };
  byId("details-title").textContent = kind === "device" ? named : translate("story.title");
  byId("details-body").replaceChildren(element("p", { class: "soft" }, translate("details.wait")));
  if (!dialog.open) dialog.showModal();
  byId("details-title").focus();
  await details.now();
  againDetails();
}

/** @param {string} kind @param {string} named @param {Record<string, any> | null} answer */
function showDetails(kind, named, answer) {
  const body = byId("details-body");
  if (!answer) {
    body.replaceChildren(element("p", { class: "soft" }, translate("details.none")));
    return;
  }
  const record = answer.records?.[0];
  byId("details-title").textContent = kind === "device" ? named : record ? pairOf(record) : translate("story.title");
  const made = element("div", { class: "story" }, ...(kind === "device" ? deviceStory(answer) : callStory(answer)));
  if (!body.firstElementChild?.isEqualNode(made)) body.replaceChildren(made);
}

function start() {
  byId("language").addEventListener("click", () => speak(currentLanguage() === "zh" ? "en" : "zh"));
  const dialog = /** @type {HTMLDialogElement} */ (byId("details"));
  byId("details-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    if (location.hash) history.pushState(null, "", location.pathname);
    current = null;
  });
  addEventListener("hashchange", () => void openNamed());
  addEventListener("popstate", () => void openNamed());
  speak(startLanguage());
  for (const poll of [devices, overview, latest]) void poll.now();
  if (location.hash) void openNamed();
}

start();
