// @ts-check
/** Numbers, times and names in the person's language. */

import { currentLanguage, translate, TEXTS } from "./i18n.js";

/** The text of a key, or `otherwise`. @param {string} key @param {string} otherwise */
export const known = (key, otherwise) => (key in TEXTS.en ? translate(key) : otherwise);

/** @param {string} reason */
export const reasonText = (reason) => known(`reason.${reason}`, reason);

const locale = () => (currentLanguage() === "zh" ? "zh-CN" : "en-GB");

/** @param {number} value */
export const countText = (value) => new Intl.NumberFormat(locale()).format(value);

/** @param {number} part @param {number} whole */
export function shareText(part, whole) {
  if (!whole) return "–";
  const percent = (part / whole) * 100;
  return `${percent.toFixed(percent > 0 && percent < 10 ? 1 : 0)} %`;
}

/** A span of seconds: `85 ms`, `1.2 s`, `3:05`. @param {number | undefined | null} seconds */
export function spanText(seconds) {
  if (seconds === undefined || seconds === null) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const pad = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const rest = pad(Math.floor(seconds % 60));
  return hours ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** A time of day, with its day where that is not today. @param {string} timestamp */
export function momentText(timestamp) {
  const moment = new Date(timestamp);
  const today = moment.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(locale(), {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    ...(today ? {} : { month: "short", day: "numeric" }),
  }).format(moment);
}

/** Of a bar in a chart. @param {Date} moment @param {number} step seconds */
export function stepText(moment, step) {
  return new Intl.DateTimeFormat(
    locale(),
    step < 86_400 ? { hour: "2-digit", minute: "2-digit" } : { month: "short", day: "numeric" },
  ).format(moment);
}

/** How long ago, coarse. @param {string} timestamp */
export function agoText(timestamp) {
  const seconds = Math.max(0, (Date.now() - Date.parse(timestamp)) / 1000);
  const units = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ]);
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto", style: "short" });
  for (const [unit, size] of units) {
    if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  }
  return translate("time.now");
}

/** A quantity of a measure. @param {string} measure @param {number | null | undefined} value */
export function measureText(measure, value) {
  if (value === null || value === undefined) return "–";
  if (measure === "mos") return value.toFixed(1);
  if (measure === "loss") return `${(value * 100).toFixed(value && value < 0.01 ? 1 : 0)} %`;
  return spanText(value);
}
