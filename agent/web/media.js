// @ts-check
/** The microphone and the camera of this side: opened only for a call, and closed with it. */

/** @typedef {"denied" | "missing" | "in_use" | "insecure"} Refusal */

/** Why there is no microphone or camera. `refusal` names the sentence. */
export class MediaRefused extends Error {
  /** @param {Refusal} refusal */
  constructor(refusal) {
    super(refusal);
    this.name = "MediaRefused";
    this.refusal = refusal;
  }
}

/** @type {Record<string, Refusal>} */
const REFUSALS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "in_use",
  AbortError: "in_use",
};

const CONSTRAINTS = {
  audio: { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
  video: { video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24 } } },
};

/**
 * Opens the microphone (`audio`) or the camera (`video`). Throws MediaRefused.
 * @param {"audio" | "video"} kind
 * @returns {Promise<MediaStreamTrack>}
 */
export async function openTrack(kind) {
  if (!navigator.mediaDevices) throw new MediaRefused("insecure");
  try {
    const stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS[kind]);
    return stream.getTracks()[0];
  } catch (fault) {
    throw new MediaRefused(REFUSALS[/** @type {Error} */ (fault).name] ?? "missing");
  }
}
