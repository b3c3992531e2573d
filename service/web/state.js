/** What the page shows, and the URL that says so: everything but the defaults stands behind the #. */

import { LARGEST_SEED } from "./latents.js";

/** @typedef {"seeds" | "directions" | "morph" | "vote"} View */
/**
 * @typedef {object} State
 * @property {View} view
 * @property {string[]} variants none: all that are served
 * @property {bigint} seed
 * @property {number} count faces of each variant
 * @property {number[]} shift along each direction
 * @property {bigint} to the seed where a morph ends
 * @property {number} at where on its way the morph is, 0 … 1
 * @property {boolean} pixels whether faces are enlarged pixel by pixel, or smoothly
 */

export const VIEWS = /** @type {const} */ (["seeds", "directions", "morph", "vote"]);
export const COUNTS = [1, 4, 16, 64];
export const LARGEST_SHIFT = 3;
const DIRECTIONS = 6;

/** @type {Readonly<State>} */
export const DEFAULT = Object.freeze({
  view: "seeds",
  variants: [],
  seed: 50n,
  count: 1,
  shift: [],
  to: 56n,
  at: 0.5,
  pixels: false,
});

/**
 * The state that a URL's hash says; what makes no sense there is the default.
 * @param {string} hash
 * @returns {State}
 */
export function read(hash) {
  const told = new URLSearchParams(hash.replace(/^#/, ""));
  const view = /** @type {View} */ (told.get("view"));
  const count = Number(told.get("count"));
  const at = Number.parseFloat(told.get("at") ?? "");
  return {
    view: VIEWS.includes(view) ? view : DEFAULT.view,
    variants: (told.get("variants") ?? "").split(",").filter(Boolean),
    seed: parseSeed(told.get("seed") ?? "") ?? DEFAULT.seed,
    count: COUNTS.includes(count) ? count : DEFAULT.count,
    shift: (told.get("shift") ?? "").split(",").filter(Boolean).slice(0, DIRECTIONS).map(toShift),
    to: parseSeed(told.get("to") ?? "") ?? DEFAULT.to,
    at: at >= 0 && at <= 1 ? at : DEFAULT.at,
    pixels: told.has("pixels"),
  };
}

/**
 * The hash that says a state; empty for the default.
 * @param {State} state
 */
export function write(state) {
  const told = new URLSearchParams();
  if (state.view !== DEFAULT.view) told.set("view", state.view);
  if (state.variants.length) told.set("variants", state.variants.join(","));
  if (state.seed !== DEFAULT.seed) told.set("seed", String(state.seed));
  if (state.count !== DEFAULT.count) told.set("count", String(state.count));
  if (state.shift.some(Boolean)) told.set("shift", state.shift.join(","));
  if (state.to !== DEFAULT.to) told.set("to", String(state.to));
  if (state.at !== DEFAULT.at) told.set("at", String(Number(state.at.toFixed(3))));
  if (state.pixels) told.set("pixels", "1");
  const hash = told.toString().replaceAll("%2C", ",");
  return hash && `#${hash}`;
}

/**
 * A seed as somebody writes it, or null.
 * @param {string} text
 */
export function parseSeed(text) {
  const digits = text.trim();
  if (!/^\d{1,20}$/.test(digits)) return null;
  const seed = BigInt(digits);
  return seed <= LARGEST_SEED ? seed : null;
}

/** @param {string} text */
function toShift(text) {
  const shift = Number(text);
  return Math.abs(shift) <= LARGEST_SHIFT ? Number(shift.toFixed(1)) : 0; // NaN becomes 0 too
}
