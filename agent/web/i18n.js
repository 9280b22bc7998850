// @ts-check
/**
 * The page's words, in English and Chinese. `{name}` is filled in; a key that is missing is a fault
 * that a test finds.
 */

import { EN } from "./texts/en.js";
import { ZH } from "./texts/zh.js";

/** @type {Record<string, Record<string, string>>} */
export const TEXTS = {
  en: EN,
  zh: ZH,
};

const STORED = "callbox.language";
let language = "en";

/** The language in use, as a BCP 47 tag. */
export const currentLanguage = () => language;

/**
 * The text of `key`, with its `{names}` filled in.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function translate(key, values = {}) {
  const text = TEXTS[language][key] ?? TEXTS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Chinese where the person or the browser prefers it, else English.
 * @param {readonly string[]} preferred
 * @param {string | null} [stored]
 */
export function chooseLanguage(preferred, stored = null) {
  if (stored && stored in TEXTS) return stored;
  const first = preferred.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag in TEXTS);
  return first ?? "en";
}

/**
 * Takes the language over and writes every marked text of the document.
 * @param {string} chosen
 * @param {{ store?: boolean }} [options]
 */
export function setLanguage(chosen, { store = false } = {}) {
  language = chosen;
  if (store) localStorage.setItem(STORED, chosen);
  document.documentElement.lang = chosen === "zh" ? "zh-Hans" : chosen;
  for (const element of document.querySelectorAll("[data-i18n]")) {
    element.textContent = translate(element.getAttribute("data-i18n") ?? "");
  }
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", translate(element.getAttribute("data-i18n-label") ?? ""));
  }
}

export const startLanguage = () =>
  chooseLanguage(navigator.languages, localStorage.getItem(STORED));
