// @ts-check
/** Starts the page, or says why it cannot be. */

import { setLanguage, startLanguage } from "./i18n.js";
import { giveUp, Notices } from "./notices.js";
import { Page } from "./page.js";
import { readConfiguration } from "./settings.js";

/** Milliseconds between two attempts to read config.json. */
const AGAIN = 3000;

/** A server that is being restarted gives the page and not yet its settings. */
async function untilConfigured() {
  const notices = new Notices();
  for (;;) {
    try {
      const configuration = await readConfiguration({ ask: true });
      notices.clear("error.config");
      return configuration;
    } catch (fault) {
      console.warn(fault);
      notices.show("error.config", "bad");
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

async function main() {
  setLanguage(startLanguage());
  if (!globalThis.RTCPeerConnection) return giveUp("error.webrtc");
  if (!(/** @type {any} */ (globalThis).mqtt)) return giveUp("error.library");
  const page = new Page(await untilConfigured());
  page.start();
  Object.assign(globalThis, { callbox: page.client }); // for the console
}

void main();
