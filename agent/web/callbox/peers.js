// @ts-check
/** The transports of one conversation: makes them, and tells the rules what becomes of them. */

import { pause } from "./timers.js";
import { MAX_TRICKLED_CANDIDATES, Transport } from "./transport.js";
import { textOf } from "./values.js";

/**
 * Milliseconds from the remote peer's closing the channel: what it sent before that has arrived by
 * `UNDER_WAY`, and by `GOODBYE` a `close` or a fresh offer has come if it has not hung up.
 */
const UNDER_WAY = 500;
const GOODBYE = 2_000;

/**
 * @typedef {import("./rules/machine.js").Input} Input
 * @typedef {import("./rules/machine.js").Effect} Effect
 * @typedef {import("./signals.js").Candidate} Candidate
 * @typedef {import("./transport.js").Wanted} Wanted
 *
 * @typedef {{ sends?: boolean, receives?: boolean }} Grant a view goes one way
 *
 * @typedef {object} PeersHooks
 * @property {(input: Input) => void} onInput for the rules
 * @property {() => number} current the generation that carries the media
 * @property {() => import("./rules/machine.js").State} state of the call
 * @property {(transport: Transport) => void} onNegotiated both descriptions are there
 * @property {(text: string) => void} onMessage from a data channel
 * @property {() => Wanted} wanted
 * @property {() => MediaStream | null} local
 * @property {(servers: RTCIceServer[]) => RTCConfiguration} configuration
 * @property {() => boolean} lipSync
 */

/** What is wanted of a transport, as far as its grant has it. @param {Wanted} wanted @param {Grant} grant */
function narrow(wanted, { sends = true, receives = true }) {
  /** @param {Wanted["audio"]} want @returns {Wanted["audio"]} */
  const narrowed = (want) => {
    const direction = want === true ? "sendrecv" : want || "inactive";
    const isSent = sends && direction.includes("send");
    const isReceived = receives && direction.includes("recv");
    if (isSent && isReceived) return want;
    if (isSent) return "sendonly";
    return isReceived ? "recvonly" : false;
  };
  return { audio: narrowed(wanted.audio), video: narrowed(wanted.video) };
}

export class Peers {
  /** @type {Map<number, Transport>} */
  #transports = new Map();
  #hooks;
  #trickled = 0;

  /** @param {PeersHooks} hooks */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** Those that exist, the newest last. */
  get all() {
    return [...this.#transports.values()];
  }

  /** The one that carries the media, or shall. @returns {Transport | null} */
  get current() {
    return this.#transports.get(this.#hooks.current()) ?? null;
  }

  /** Whether one more candidate may be trickled: the remote peer reads only so many. */
  mayTrickle() {
    return this.#trickled++ < MAX_TRICKLED_CANDIDATES;
  }

  trickleAnew() {
    this.#trickled = 0;
  }

  // Effects

  /** Resolves when the offer is made, or cannot be. @param {Effect} effect */
  async createOffer({ generation, iceServers, grant }) {
    await this.#describe(generation, "offer_failed", async () => {
      const transport = this.#make(generation, iceServers, grant);
      await transport.offer(narrow(this.#hooks.wanted(), grant));
      return transport;
    });
  }

  /** Resolves when the answer is made, or cannot be. @param {Effect} effect */
  async createAnswer({ generation, sdp, iceServers, grant }) {
    const code = generation === 0 ? "unusable_description" : "offer_unusable";
    await this.#describe(generation, code, async () => {
      const transport = this.#make(generation, iceServers, grant);
      await transport.accept(sdp, narrow(this.#hooks.wanted(), grant));
      return transport;
    });
  }

  /** @param {Effect} effect */
  async applyAnswer({ generation, sdp }) {
    const transport = this.#transports.get(generation);
    try {
      await transport?.applyAnswer(sdp);
      if (transport) this.#hooks.onNegotiated(transport);
    } catch (fault) {
      this.#fail(
        generation,
        generation === 0 ? "unusable_description" : "answer_unusable",
        textOf(fault),
      );
    }
  }

  /** @param {Effect} effect */
  addCandidate({ generation, candidate }) {
    const newestFirst = this.all.reverse();
    const named = newestFirst.find((transport) => candidate && transport.matches(candidate));
    void (named ?? this.#transports.get(generation))?.addCandidate(candidate);
  }

  /** @param {number} generation */
  close(generation) {
    this.#transports.get(generation)?.close();
    this.#transports.delete(generation);
  }

  closeAll() {
    for (const generation of [...this.#transports.keys()]) this.close(generation);
  }

  /** On every data channel that is open; whether there was one. @param {string} text */
  send(text) {
    return this.all.map((transport) => transport.send(text)).some(Boolean);
  }

  // What becomes of them

  /** @param {number} generation @param {string} code @param {() => Promise<Transport>} make */
  async #describe(generation, code, make) {
    try {
      const transport = await make();
      // The first offer goes out when there is a broker: `describe()` is for then.
      const isInvitation = generation === 0 && this.#hooks.state() === "offering";
      const sdp = isInvitation ? transport.draft : transport.describe();
      this.#hooks.onInput({ type: "descriptionReady", generation, sdp });
    } catch (fault) {
      this.#fail(generation, code, textOf(fault));
    }
  }

  /** @param {number} generation @param {string} code @param {string} message */
  #fail(generation, code, message, reason = "unknown_reason") {
    this.#hooks.onInput({ type: "peerFailed", generation, code, message, reason });
  }

  /**
   * @param {number} generation
   * @param {RTCIceServer[]} servers
   * @param {Grant} grant
   * @returns {Transport}
   */
  #make(generation, servers, grant) {
    this.trickleAnew();
    const hooks = {
      onCandidates: (/** @type {(Candidate | null)[]} */ found) => {
        for (const candidate of found) {
          this.#hooks.onInput({ type: "candidateFound", generation, candidate });
        }
      },
      onIce: () => this.#hooks.onInput({ type: "iceConnected", generation }),
      onConnected: () => void this.#connected(transport),
      onLost: (/** @type {string} */ detail) => this.#lost(transport, detail),
      onLeft: () => void this.#left(transport),
      onMessage: this.#hooks.onMessage,
    };
    const { configuration, local, lipSync } = this.#hooks;
    const sent = grant.sends === false ? null : local();
    /** @type {Transport} */
    const transport = new Transport(generation, configuration(servers), sent, hooks, lipSync());
    this.#transports.set(generation, transport);
    return transport;
  }

  /**
   * While the old transport works, media moves to a fresh one as soon as it arrives there.
   * @param {Transport} transport
   */
  async #connected(transport) {
    if (this.#hooks.state() === "established") await transport.arrival();
    if (!transport.connected) return;
    this.#hooks.onInput({ type: "peerConnected", generation: transport.generation });
  }

  /** @param {Transport} transport @param {string} detail */
  #lost({ generation }, detail) {
    const carries = generation === this.#hooks.current();
    const state = this.#hooks.state();
    const isTalking = ["established", "silent", "lost"].includes(state);
    if (detail === "disconnected") {
      if (carries && isTalking) this.#hooks.onInput({ type: "peerSilent", generation, seconds: 0 });
    } else if (carries && isTalking) {
      this.#hooks.onInput({ type: "peerLost", generation, detail });
    } else {
      this.#fail(generation, "ice_failed", "no path to the remote peer was found", "ice_failed");
    }
  }

  /**
   * The remote peer has closed the channel or DTLS: a last word, unless it sends on. That is known
   * after a while, and counts from the start.
   * @param {Transport} transport
   */
  async #left(transport) {
    const { generation } = transport;
    if (generation !== this.#hooks.current() || this.#hooks.state() !== "established") return;
    await pause(UNDER_WAY);
    const before = await transport.received();
    await pause(GOODBYE - UNDER_WAY);
    const after = await transport.received();
    if (after > before || this.#transports.get(generation) !== transport) return;
    this.#hooks.onInput({ type: "peerLost", generation, closed: true, seconds: GOODBYE / 1000 });
  }
}
