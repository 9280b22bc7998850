// @ts-check
/**
 * The caller's page: puts the parts together. Each part is a file; what they know of calls is
 * conversation.js.
 */

import { CallClient } from "./conversation.js";
import { DeviceList } from "./devices.js";
import { byId, fromTemplate, setLabel, within } from "./dom.js";
import { currentLanguage, setLanguage, startLanguage, translate } from "./i18n.js";
import { IncomingDialog } from "./incoming.js";
import { Measurements } from "./measurements.js";
import { MediaRefused, openTrack } from "./media.js";
import { Ring } from "./ring.js";
import { choices, readConfiguration, SettingsDrawer } from "./settings.js";
import { Stage } from "./stage.js";
import { Summary } from "./summary.js";

/**
 * @typedef {import("./conversation.js").Conversation} Conversation
 * @typedef {import("./settings.js").Configuration} Configuration
 */

/** A broker that is away for less is not worth a word. */
const PATIENCE = 2500; // milliseconds
/** Opening a microphone is work for the browser; the invitation goes out before it. */
const HEAD_START = 60; // milliseconds
/**
 * Both ways from the start, so that a microphone or a camera can be added without another
 * negotiation.
 */
const MEDIA = {
  audio: /** @type {const} */ ("sendrecv"),
  video: /** @type {const} */ ("sendrecv"),
  lipSync: false, // who looks through a camera wants to see now
};

class Page {
  #client;
  #ring = new Ring();
  #measurements = new Measurements();
  #devices = new DeviceList((uid) => this.#call(uid));
  #summary = new Summary({ onAgain: (uid) => this.#call(uid) });
  #incoming = new IncomingDialog({
    onAccept: (conversation) => this.#accept(conversation),
    onReject: (conversation) => conversation.reject(),
  });
  #stage = new Stage({
    onHangUp: () => this.#conversation?.close(),
    onMute: () => this.#toggleMute(),
    onCamera: () => void this.#toggleCamera(),
    onNotice: (key) => this.#notice(key),
  });
  /** The call on the stage. @type {Conversation | null} */
  #conversation = null;
  /** @type {{ audio: MediaStreamTrack | null, video: MediaStreamTrack | null }} */
  #tracks = { audio: null, video: null };
  /** @type {Map<string, HTMLElement>} */
  #notices = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  /** @type {any} */
  #wakeLock = null;

  /** @param {Configuration} configuration */
  constructor(configuration) {
    const uid = configuration.uid ?? choices.uid;
    this.#client = new CallClient({ ...configuration, uid });
    this.#client.on("presence", () => this.#drawDevices());
    this.#client.on("connection", (detail) => this.#connectionChanged(detail));
    this.#client.on("called", (conversation) => this.#called(conversation));
    new SettingsDrawer({ fixedUid: configuration.uid, onRename: () => void this.#rename() });
    byId("language").addEventListener("click", () => this.#switchLanguage());
    for (const gesture of ["pointerdown", "keydown"]) {
      document.addEventListener(gesture, () => this.#ring.unlock(), { once: true });
    }
    this.#redraw();
  }

  get client() {
    return this.#client;
  }

  start() {
    void this.#client.start();
  }

  // Calls

  /** @param {string} uid */
  #call(uid) {
    if (this.#conversation) return;
    performance.mark("callbox:call");
    this.#begin(this.#client.call(uid, null, MEDIA));
  }

  /** @param {Conversation} conversation */
  #called(conversation) {
    const name = conversation.remoteUid;
    if (choices.ring) this.#ring.start();
    document.title = translate("incoming.title", { name });
    this.#announce(document.title);
    this.#incoming.open(conversation);
    conversation.on("closed", (record) => {
      if (this.#conversation === conversation) return;
      this.#quiet();
      this.#incoming.close();
      this.#announce(this.#summary.show(record, null));
      this.#devices.focus(name);
    });
  }

  /** @param {Conversation} conversation */
  #accept(conversation) {
    this.#quiet();
    this.#begin(conversation);
    void conversation.accept(null, MEDIA);
  }

  /** Puts a conversation on the stage. @param {Conversation} conversation */
  #begin(conversation) {
    this.#conversation = conversation;
    this.#summary.hide();
    this.#clearNotices("microphone", "camera");
    /** @type {string | null} */
    let errorCode = null;
    conversation.on("error", (error) => (errorCode = error.code));
    conversation.on("state", ({ state }) => this.#progressed(state));
    conversation.on("degraded", () => this.#announce(translate("stage.degraded")));
    conversation.on("restored", () => this.#announce(translate("stage.connected")));
    conversation.on("remote_stats", ({ transport }) => this.#stage.showPath(transport));
    conversation.on("closed", (record) => this.#ended(record, errorCode));
    this.#measurements.follow(conversation);
    this.#stage.showMicrophone({ available: false, muted: false });
    this.#stage.begin(conversation);
    this.#drawDevices();
    setTimeout(() => this.#addTracks(conversation), HEAD_START);
  }

  /** @param {string} state */
  #progressed(state) {
    if (state === "closed") return;
    this.#announce(translate(`stage.${state}`));
    if (state === "connected") void this.#keepAwake();
  }

  /** @param {import("./conversation.js").CallRecord} record @param {string | null} errorCode */
  #ended(record, errorCode) {
    this.#conversation = null;
    for (const kind of /** @type {const} */ (["audio", "video"])) this.#stopTrack(kind);
    void this.#wakeLock?.release();
    this.#wakeLock = null;
    this.#quiet();
    this.#clearNotices("microphone", "camera");
    this.#stage.end();
    this.#announce(this.#summary.show(record, errorCode));
    this.#drawDevices();
    this.#devices.focus(record.remoteUid);
  }

  #quiet() {
    this.#ring.stop();
    document.title = "callbox";
  }

  // Microphone and camera: opened beside the call, which does not wait for them

  /** @param {Conversation} conversation */
  #addTracks(conversation) {
    if (conversation !== this.#conversation) return;
    void this.#addTrack(conversation, "audio");
    if (choices.camera) void this.#addTrack(conversation, "video");
  }

  /** @param {Conversation} conversation @param {"audio" | "video"} kind */
  async #addTrack(conversation, kind) {
    const device = kind === "audio" ? "microphone" : "camera";
    try {
      const track = await openTrack(kind);
      if (conversation !== this.#conversation) return track.stop();
      this.#tracks[kind] = track;
      track.addEventListener("ended", () => this.#trackEnded(conversation, kind));
      await conversation.replaceTrack(kind, track);
    } catch (fault) {
      if (!(fault instanceof MediaRefused)) throw fault;
      if (conversation === this.#conversation) this.#notice(`${device}.${fault.refusal}`);
    }
    this.#showTracks();
  }

  /** @param {Conversation} conversation @param {"audio" | "video"} kind */
  #trackEnded(conversation, kind) {
    this.#stopTrack(kind);
    void conversation.replaceTrack(kind, null);
    this.#notice(kind === "audio" ? "microphone.ended" : "camera.ended");
    this.#showTracks();
  }

  /** @param {"audio" | "video"} kind */
  #stopTrack(kind) {
    this.#tracks[kind]?.stop();
    this.#tracks[kind] = null;
  }

  #showTracks() {
    if (!this.#conversation) return;
    this.#stage.showMicrophone({
      available: this.#tracks.audio !== null,
      muted: this.#conversation.muted.audio,
    });
    this.#stage.showSelf(this.#tracks.video);
  }

  #toggleMute() {
    const conversation = this.#conversation;
    if (!conversation) return;
    conversation.mute({ audio: !conversation.muted.audio });
    this.#showTracks();
  }

  async #toggleCamera() {
    const conversation = this.#conversation;
    if (!conversation) return;
    if (!this.#tracks.video) return this.#addTrack(conversation, "video");
    this.#stopTrack("video");
    await conversation.replaceTrack("video", null);
    this.#showTracks();
  }

  async #keepAwake() {
    try {
      this.#wakeLock = await /** @type {any} */ (navigator).wakeLock?.request("screen");
    } catch {
      // A screen that goes dark is no reason to disturb a call.
    }
  }

  // What is said

  /** @param {{ state: string, code?: string }} detail */
  #connectionChanged({ state, code }) {
    const chip = byId("connection");
    chip.dataset.state = state;
    byId("connection-text").textContent = translate(`connection.${state}`);
    if (state === "connected") {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      this.#clearNotices("error.broker", "error.authorization");
    } else if (code === "not_authorized") {
      this.#notice("error.authorization", "bad");
    } else {
      this.#patience ??= setTimeout(() => this.#notice("error.broker", "bad"), PATIENCE);
    }
    this.#drawDevices();
  }

  /**
   * A sentence on top of the page, until it is dismissed or no longer true.
   * @param {string} key
   * @param {"warn" | "bad"} [kind]
   */
  #notice(key, kind = "warn") {
    if (this.#notices.has(key)) return;
    const notice = fromTemplate("notice-template");
    notice.dataset.kind = kind;
    notice.dataset.testid = `notice-${key}`;
    const text = within(notice, "p");
    text.dataset.i18n = key;
    text.textContent = translate(key);
    const button = within(notice, "button");
    button.dataset.i18nLabel = "notice.dismiss";
    setLabel(button, translate("notice.dismiss"));
    button.addEventListener("click", () => this.#clearNotices(key));
    this.#notices.set(key, notice);
    byId("notices").append(notice);
  }

  /** @param {...string} prefixes */
  #clearNotices(...prefixes) {
    for (const [key, notice] of this.#notices) {
      if (!prefixes.some((prefix) => key.startsWith(prefix))) continue;
      notice.remove();
      this.#notices.delete(key);
    }
  }

  /** To screen readers. @param {string} text */
  #announce(text) {
    byId("announcer").textContent = text;
  }

  #drawDevices() {
    this.#devices.show([...this.#client.devices.values()], {
      inCallWith: this.#conversation?.remoteUid ?? null,
      connected: this.#client.connectionState === "connected",
    });
  }

  #redraw() {
    byId("connection-text").textContent = translate(`connection.${this.#client.connectionState}`);
    setLabel(byId("language"), translate("app.language.label"));
    byId("language").textContent = translate("app.language");
    setLabel(byId("open-settings"), translate("app.settings"));
    this.#drawDevices();
    this.#stage.redraw();
    this.#summary.redraw();
    this.#incoming.redraw();
    this.#measurements.redraw();
  }

  #switchLanguage() {
    setLanguage(currentLanguage() === "zh" ? "en" : "zh", { store: true });
    this.#redraw();
  }

  async #rename() {
    await this.#client.stop();
    location.reload();
  }
}

/** A page that cannot work says why. @param {string} key */
function giveUp(key) {
  const notice = fromTemplate("notice-template");
  notice.dataset.kind = "bad";
  notice.dataset.testid = `notice-${key}`;
  within(notice, "p").textContent = translate(key);
  within(notice, "button").remove();
  byId("notices").append(notice);
}

async function main() {
  setLanguage(startLanguage());
  if (!globalThis.RTCPeerConnection) return giveUp("error.webrtc");
  if (!(/** @type {any} */ (globalThis).mqtt)) return giveUp("error.library");
  let configuration;
  try {
    configuration = await readConfiguration();
  } catch (fault) {
    console.warn(fault);
    return giveUp("error.config");
  }
  const page = new Page(configuration);
  page.start();
  Object.assign(globalThis, { callbox: page.client }); // for the console
}

void main();
