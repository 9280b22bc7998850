// @ts-check
/** The ring of an incoming call: two soft tones, made here, so there is no sound file to load. */

const NOTES = [784, 988]; // Hz: G5 and B5
const NOTE = 0.45; // seconds
const PERIOD = 3000; // milliseconds from one ring to the next

export class Ring {
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** Browsers play only after the person did something on the page; called then. */
  unlock() {
    this.#audio ??= new AudioContext();
    if (this.#audio.state === "suspended") void this.#audio.resume();
  }

  start() {
    this.stop();
    this.#play();
    this.#timer = setInterval(() => this.#play(), PERIOD);
    navigator.vibrate?.([400, 200, 400]);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #play() {
    const audio = this.#audio;
    if (!audio || audio.state !== "running") return;
    for (const [index, frequency] of [...NOTES, ...NOTES].entries()) {
      const start = audio.currentTime + index * NOTE * 0.6 + (index > 1 ? 0.2 : 0);
      const tone = new OscillatorNode(audio, { type: "sine", frequency });
      const gain = new GainNode(audio, { gain: 0 });
      gain.gain.linearRampToValueAtTime(0.18, start + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0001, start + NOTE);
      tone.connect(gain).connect(audio.destination);
      tone.start(start);
      tone.stop(start + NOTE);
    }
  }
}
