// @ts-nocheck
/**
 * What a test wants to know of the page and cannot see from outside: put into it before its own
 * scripts. Waiting is done
 * here, with promises, since the page's policy lets nobody evaluate text later.
 */
globalThis.probe = (() => {
  const PATIENCE = 20_000; // milliseconds
  const video = () => document.getElementById("remote");

  /** Settles as `work` does, or fails with what `state` says then. */
  const withPatience = (work, state) =>
    Promise.race([
      work,
      new Promise((_, fail) => setTimeout(() => fail(new Error(state())), PATIENCE)),
    ]);

  /** After `count` more pictures were shown: the size of the last one. */
  function frames(count) {
    let seen = 0;
    const work = new Promise((resolve) => {
      const next = (_, { width, height }) => {
        seen += 1;
        if (seen === count) resolve({ width, height });
        else video().requestVideoFrameCallback(next);
      };
      video().requestVideoFrameCallback(next);
    });
    return withPatience(work, () => `${seen} of ${count} pictures came`);
  }

  /**
   * Once the remote peer is heard: the amplitude, full scale being 1, and the loudest frequency in Hz.
   */
  async function tone() {
    const audio = new AudioContext();
    const analyser = new AnalyserNode(audio, { fftSize: 4096, smoothingTimeConstant: 0 });
    audio.createMediaStreamSource(video().srcObject).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const spectrum = new Float32Array(analyser.frequencyBinCount);
    let loudest = 0;
    // of the beep that is heard: a window with no more than its edge in it has another spectrum
    let best = null;
    let timer;
    const work = new Promise((resolve) => {
      timer = setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        loudest = Math.max(loudest, peak);
        if (peak < 0.05) {
          if (best !== null) resolve(best);
          return;
        }
        analyser.getFloatFrequencyData(spectrum);
        const level = Math.max(...spectrum);
        if (best !== null && best.level >= level) return;
        const frequency = (spectrum.indexOf(level) * audio.sampleRate) / analyser.fftSize;
        best = { peak, level, frequency };
      }, 20);
    });
    try {
      return await withPatience(work, () => `the loudest sample was ${loudest}`);
    } finally {
      clearInterval(timer);
      await audio.close();
    }
  }

  const isVisible = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  /**
   * Everything that a person could not reach or read as the page is now, in words; empty if
   * nothing.
   */
  function faults() {
    const wide = document.scrollingElement.scrollWidth - innerWidth;
    return [
      ...(wide > 0 ? [`the page is ${wide} px wider than its window: ${widest()}`] : []),
      ...controls().flatMap(faultsOfControl),
      ...texts().flatMap(faultsOfText),
    ];
  }

  function widest() {
    const beyond = [...document.body.querySelectorAll("*")].filter(
      (each) => edge(each) > innerWidth && isVisible(each),
    );
    return beyond.map(nameOf).slice(0, 4).join(", ");
  }

  const edge = (element) => element.getBoundingClientRect().right;
  const nameOf = (element) => `${element.localName}#${element.id}.${element.className}`;
  const controls = () =>
    [...document.querySelectorAll("button, input, summary, a[href]")].filter(isReachable);

  /**
   * Whether it is there for the hand: shown, not behind a dialog, and not waiting for the keyboard
   * to be shown.
   */
  function isReachable(element) {
    const modal = document.querySelector("dialog:modal");
    return isVisible(element) && (!modal || modal.contains(element)) && !element.matches(".skip");
  }

  function faultsOfControl(element) {
    const found = [];
    const { width, height } = (element.closest("label") ?? element).getBoundingClientRect();
    const label =
      element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.length;
    if (!label) found.push(`${nameOf(element)} has no name`);
    if (Math.min(width, height) < 24)
      found.push(`${nameOf(element)} is only ${width} × ${height} px`);
    if (element.scrollWidth > element.clientWidth + 1 && element.localName === "button")
      found.push(`${nameOf(element)} is too narrow for "${element.textContent.trim()}"`);
    return found;
  }

  /** Elements with words of their own. */
  function texts() {
    const own = (element) =>
      [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...document.body.querySelectorAll("*")].filter(
      (element) =>
        own(element) &&
        isReachable(element) &&
        !element.matches(".unseen, template, :disabled, :disabled *"),
    );
  }

  function faultsOfText(element) {
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    if (!ground) return []; // on a picture or a gradient
    const ratio = contrast(over(colorOf(style.color), ground), ground);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
    const least = isLarge ? 3 : 4.5; // WCAG 2.2, 1.4.3
    return ratio < least
      ? [`"${element.textContent.trim()}" (${nameOf(element)}): contrast ${ratio.toFixed(2)}`]
      : [];
  }

  /** The opaque color behind the text of `element`; null where it is no plain color. */
  function groundOf(element) {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      const { backgroundColor, backgroundImage } = getComputedStyle(each);
      if (backgroundImage !== "none" || each.matches(".screen, .stage")) return null;
      layers.push(colorOf(backgroundColor));
      if (layers.at(-1)[3] === 1) return layers.reduceRight((ground, layer) => over(layer, ground));
    }
    return [255, 255, 255, 1];
  }

  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  /** Any CSS color as red, green, blue (0 to 255) and alpha (0 to 1). */
  function colorOf(text) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }

  const over = ([...top], ground) => [
    ...[0, 1, 2].map((index) => top[index] * top[3] + ground[index] * (1 - top[3])),
    1,
  ];

  const luminance = (color) => {
    const [red, green, blue] = color.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };

  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  return { frames, tone, faults };
})();
