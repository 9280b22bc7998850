// @ts-check
/** Codecs, as a browser negotiates them. */

/**
 * A device sends H.264 with packetization-mode 1 and nothing else.
 * @param {RTCRtpTransceiver} transceiver
 * @param {boolean} only
 */
export function preferH264(transceiver, only) {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.("video")?.codecs ?? [];
  const isH264 = (/** @type {{ mimeType: string, sdpFmtpLine?: string }} */ codec) =>
    /^video\/h264$/i.test(codec.mimeType) && /packetization-mode=1/.test(codec.sdpFmtpLine ?? "");
  const h264 = codecs.filter(isH264);
  if (h264.length === 0 || !transceiver.setCodecPreferences) return;
  const others = codecs.filter(
    (codec) => !isH264(codec) && (!only || /\/rtx$/i.test(codec.mimeType)),
  );
  transceiver.setCodecPreferences([...h264, ...others]);
}

/** The codec of a track that arrives, such as `H264`. @param {RTCRtpReceiver} receiver */
export function codecOf(receiver) {
  const mimeType = receiver.getParameters?.().codecs?.[0]?.mimeType;
  return mimeType?.split("/")[1];
}
