// What a test asks Home Assistant's own page: the player lies below several shadow roots.

/** The first element below `root`, shadows included, that `matches`. */
function find(root, matches) {
  for (const each of root.querySelectorAll("*")) {
    if (matches(each)) return each;
    const inside = each.shadowRoot && find(each.shadowRoot, matches);
    if (inside) return inside;
  }
  return undefined;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Wait for the player's next picture; milliseconds from `from` (performance.now()) until then. */
window.nextPicture = async (from) => {
  let video;
  while (!(video = find(document, (each) => each.localName === "video" && each.id === "remote-stream")))
    await pause(5);
  await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  return { after: Math.round(performance.now() - from), width: video.videoWidth };
};

/** Restart ICE, as the player does by itself after a loss; how many pictures come over the new path. */
window.restartIce = async () => {
  const player = find(document, (each) => each.localName === "ha-web-rtc-player");
  const name = () => player._peerConnection.remoteDescription.sdp.match(/a=ice-ufrag:(.+)/)[1];
  const before = name();
  player._peerConnection.restartIce();
  while (name() === before) await pause(20);
  await pause(500);
  const frames = () => player._videoEl.getVideoPlaybackQuality().totalVideoFrames;
  const then = frames();
  while (frames() < then + 10) await pause(20);
  return player._error ?? null;
};

/** Wait until the device's sound is heard. */
window.hearSound = async () => {
  const player = find(document, (each) => each.localName === "ha-web-rtc-player");
  for (;;) {
    const report = [...(await player._peerConnection.getStats()).values()];
    const sound = report.find((each) => each.type === "inbound-rtp" && each.kind === "audio");
    if (sound && sound.totalAudioEnergy > 0) return sound.totalAudioEnergy;
    await pause(50);
  }
};
