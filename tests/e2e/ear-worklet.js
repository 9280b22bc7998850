// @ts-check
"use strict";
/** What a stream sounds like, thinned to 4 kHz, with the clock's time at which each tenth of a second was complete. */

const THIN = 12;
const CHUNK = 400;

class EarProcessor extends AudioWorkletProcessor {
  /** @type {number[]} */
  values = [];
  sum = 0;
  count = 0;

  /** @param {Float32Array[][]} inputs */
  process([channels]) {
    const samples = channels[0] ?? new Float32Array(128); // a track that is silent has none
    for (const sample of samples) {
      this.sum += sample;
      this.count += 1;
      if (this.count < THIN) continue;
      this.values.push(this.sum / THIN);
      this.sum = this.count = 0;
      if (this.values.length < CHUNK) continue;
      this.port.postMessage({ at: Date.now(), values: this.values });
      this.values = [];
    }
    return true;
  }
}

registerProcessor("ear", EarProcessor);
