// @ts-check
/**
 * The caller's page: puts the parts together. Each part is a file; what they know of calls is
 * conversation.js.
 */

import { Connection } from "./connection.js";
import { CallClient } from "./conversation.js";
import { DeviceList } from "./devices.js";
import { byId, onceAFrame, setLabel } from "./dom.js";
import { currentLanguage, setLanguage, translate } from "./i18n.js";
import { LocalTracks } from "./local-tracks.js";
import { identityOf, LoginDialog, storedLogin } from "./login.js";
import { Measurements } from "./measurements.js";
import { Notices } from "./notices.js";
import { Operations } from "./operations.js";
import { Ringing } from "./ringing.js";
import { talkRefusal } from "./sentences.js";
import { choices, SettingsDrawer, untilServed } from "./settings.js";
import { Stage } from "./stage.js";
import { Summary } from "./summary.js";
import { TalkButton } from "./talk-button.js";
import { WakeLock } from "./wake-lock.js";
import { WorkerTimer } from "./worker-timer.js";

/**
 * @typedef {import("./conversation.js").Conversation} Conversation
 * @typedef {import("./settings.js").Configuration} Configuration
 */

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

export class Page {
  #client;
  #measurements = new Measurements();
  #devices = new DeviceList({
    onCall: (uid) => this.#call(uid),
    onLook: (uid) => this.#call(uid, "view"),
    onCommand: (uid, verb, fields) => this.#operations.command(uid, verb, fields),
    switchesOf: (uid) => this.#operations.switchesOf(uid),
  });
  #summary = new Summary({ onAgain: (uid, purpose) => this.#call(uid, purpose) });
  #stage = new Stage({
    onHangUp: () => this.#conversation?.close(),
    onTalk: () => void this.#talk(),
    onMute: () => this.#toggleMute(),
    onCamera: () => void this.#toggleCamera(),
    onNotice: (key) => this.#notices.show(key),
  });
  #tracks = new LocalTracks({
    onChange: () => this.#showTracks(),
    onNotice: (key) => this.#notices.show(key),
  });
  #talkButton = new TalkButton();
  #login = new LoginDialog({ onChange: () => void this.#startAnew() });
  #notices = new Notices();
  /** The call on the stage. @type {Conversation | null} */
  #conversation = null;
  /** Those whose events are heard. @type {WeakSet<Conversation>} */
  #followed = new WeakSet();
  /** A view is about to become a talk. */
  #isAsking = false;
  #drawSoon = onceAFrame(() => this.#drawOperations());
  #wakeLock = new WakeLock();
  #connection;
  #ringing;
  #operations;

  /** @param {Configuration} configuration */
  constructor(configuration) {
    this.#connection = new Connection({
      configuration,
      notices: this.#notices,
      login: this.#login,
      onChangedConfiguration: () => {
        if (!this.#conversation) void this.#startAnew();
      },
    });
    const login = storedLogin();
    const identity = identityOf(configuration, login, choices.uid);
    const mqttOptions = { timerVariant: new WorkerTimer() };
    this.#client = new CallClient({ ...configuration, ...identity, mqttOptions });
    this.#operations = new Operations(this.#client, configuration, this.#notices);
    this.#ringing = new Ringing(this.#client, this.#notices, {
      onAccept: (conversation) => this.#accept(conversation),
    });
    this.#devices.follow(this.#client, this.#drawSoon);
    this.#client.on("connection", (detail) => {
      this.#connection.changed(detail);
      this.#drawDevices();
    });
    this.#client.on("called", (conversation) => this.#called(conversation));
    const isFixed = login !== null || configuration.uid !== undefined;
    const help = login ? "settings.name.login" : "settings.name.fixed";
    new SettingsDrawer({
      fixed: isFixed ? { uid: identity.uid, help } : null,
      onRename: () => void this.#startAnew(),
    });
    byId("language").addEventListener("click", () => this.#switchLanguage());
    this.#redraw();
  }

  get client() {
    return this.#client;
  }

  start() {
    // A refusal is the connection's, which asks for a login.
    this.#client.start().catch(() => {});
  }

  // Calls

  /** @param {string} uid @param {"talk" | "view"} [purpose] */
  #call(uid, purpose = "talk") {
    if (this.#conversation) return;
    performance.mark("callbox:call");
    this.#begin(this.#client.call(uid, null, { ...MEDIA, purpose }));
  }

  /** From looking on to being heard: the microphone first, which the user may refuse. */
  async #talk() {
    const conversation = this.#conversation;
    if (!conversation || this.#isAsking) return;
    this.#setAsking(true);
    this.#notices.clear("talk", "microphone");
    try {
      await this.#tracks.add("audio");
      if (conversation !== this.#conversation || !this.#tracks.audio) return;
      await conversation.talk();
    } catch (fault) {
      if (conversation !== this.#conversation) return;
      const { code = "" } = /** @type {{ code?: string }} */ (fault);
      this.#notices.show(talkRefusal(code));
      await this.#tracks.remove("audio");
    } finally {
      if (conversation === this.#conversation) this.#setAsking(false);
    }
  }

  /** @param {boolean} asking */
  #setAsking(asking) {
    this.#isAsking = asking;
    this.#stage.showAsking(asking);
  }

  /** It was a view. @param {Conversation} conversation */
  #talks(conversation) {
    if (conversation !== this.#conversation) return;
    this.#announce(translate("stage.talking", { name: conversation.remoteUid }));
    this.#showTracks();
    this.#showTalkButton(conversation);
    this.#operations.follow(conversation);
    byId("mute").focus({ preventScroll: true });
  }

  /** One that crosses ours is the call that we placed. @param {Conversation} conversation */
  #called(conversation) {
    if (conversation.crosses) return this.#begin(conversation);
    this.#announce(this.#ringing.begin(conversation));
    conversation.on("closed", (record) => {
      if (this.#conversation === conversation) return;
      this.#ringing.close();
      this.#announce(this.#summary.show(record, null));
      this.#devices.focus(conversation.remoteUid);
    });
  }

  /** @param {Conversation} conversation */
  #accept(conversation) {
    this.#ringing.quiet();
    this.#begin(conversation);
    void conversation.accept(null, MEDIA);
  }

  /** Puts a conversation on the stage. @param {Conversation} conversation */
  #begin(conversation) {
    this.#conversation = conversation;
    this.#summary.hide();
    this.#isAsking = false;
    this.#notices.clear("microphone", "camera", "talk");
    this.#tracks.end();
    this.#tracks.begin(conversation);
    this.#login.setInCall(true);
    if (!this.#followed.has(conversation)) this.#follow(conversation);
    this.#stage.showMicrophone({ available: false, muted: false });
    this.#stage.begin(conversation);
    this.#showTalkButton(conversation);
    this.#operations.follow(conversation);
    this.#drawDevices();
    if (conversation.purpose === "talk")
      setTimeout(() => this.#addTracks(conversation), HEAD_START);
  }

  /** Hears of it from now on, once. @param {Conversation} conversation */
  #follow(conversation) {
    this.#followed.add(conversation);
    /** @type {string | null} */
    let errorCode = null;
    conversation.on("error", (error) => (errorCode = error.code));
    conversation.on("state", ({ state }) => this.#progressed(state));
    conversation.on("talk", () => this.#talks(conversation));
    conversation.on("degraded", () => this.#announce(translate(this.#stage.liveWords)));
    conversation.on("restored", () => this.#announce(translate("stage.connected")));
    conversation.on("remote_stats", ({ transport }) => this.#stage.showPath(transport));
    conversation.on("closed", (record) => this.#ended(conversation, record, errorCode));
    this.#measurements.follow(conversation);
  }

  /** Who only looks has nothing to say. @param {Conversation} conversation */
  #showTalkButton(conversation) {
    const talks = conversation.purpose === "talk" ? conversation : null;
    this.#talkButton.show(talks, this.#audioModeOf(conversation.remoteUid));
  }

  /** How a device meets echo. @param {string} uid */
  #audioModeOf(uid) {
    return this.#client.devices.get(uid)?.about?.audio?.mode;
  }

  /** @param {string} state */
  #progressed(state) {
    if (state === "closed") return;
    if (this.#conversation) this.#operations.follow(this.#conversation);
    const looks = state === "connected" && this.#conversation?.purpose === "view";
    this.#announce(translate(looks ? "stage.looking.announced" : `stage.${state}`));
    if (state === "connected") void this.#wakeLock.keep();
  }

  /** @param {Conversation} conversation @param {any} record @param {string | null} errorCode */
  #ended(conversation, record, errorCode) {
    if (conversation !== this.#conversation) return;
    // of two calls that cross one gives way: the other one is the call that the person has
    const left = this.#client.conversations.find(({ state }) => state !== "called");
    if (left && record.reason === "answered_elsewhere") return this.#begin(left);
    this.#conversation = null;
    this.#tracks.end();
    this.#login.setInCall(false);
    this.#wakeLock.release();
    this.#ringing.quiet();
    this.#notices.clear("microphone", "camera", "talk");
    this.#stage.end();
    this.#talkButton.show(null, undefined);
    this.#operations.ended(conversation, record);
    this.#announce(this.#summary.show(record, errorCode));
    this.#drawDevices();
    this.#devices.focus(record.remoteUid);
  }

  // Microphone and camera

  /** @param {Conversation} conversation */
  #addTracks(conversation) {
    if (conversation !== this.#conversation) return;
    void this.#tracks.add("audio");
    if (choices.camera) void this.#tracks.add("video");
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
    if (!this.#conversation) return;
    await (this.#tracks.video ? this.#tracks.remove("video") : this.#tracks.add("video"));
  }

  /** With another name, login or configuration. A call would end. */
  async #startAnew() {
    await this.#client.stop();
    await untilServed();
    location.reload();
  }

  // What is said

  /** To screen readers. @param {string} text */
  #announce(text) {
    byId("announcer").textContent = text;
  }

  #drawDevices() {
    const inCallWith = this.#conversation?.remoteUid ?? null;
    const connected = this.#client.connectionState === "connected";
    this.#devices.show({ inCallWith, connected });
    const offline = connected && this.#devices.isOffline(inCallWith);
    if (this.#stage.showOffline(offline)) this.#announce(translate(this.#stage.liveWords));
  }

  /** What is there, or what this login may do there, has changed. */
  #drawOperations() {
    this.#drawDevices();
    this.#ringing.redraw();
    this.#operations.redraw();
  }

  #redraw() {
    this.#connection.redraw();
    setLabel(byId("language"), translate("app.language.label"));
    byId("language").textContent = translate("app.language");
    setLabel(byId("open-settings"), translate("app.settings"));
    this.#devices.redraw();
    this.#drawOperations();
    this.#stage.redraw();
    this.#summary.redraw();
    this.#measurements.redraw();
    this.#login.redraw();
  }

  #switchLanguage() {
    setLanguage(currentLanguage() === "zh" ? "en" : "zh", { store: true });
    this.#redraw();
  }
}
