/** What is asked of POST /generate: as a request, as a command, as the name of a file. */

import { LARGEST_SEED } from "./latents.js";

export const WAY_STEPS = 64; // faces from one seed to another, ends included: the most that one answer holds

/**
 * @typedef {object} Ask
 * @property {string} variant
 * @property {number} count faces in the answer, which is one picture
 * @property {string} what the faces in words: "seed 7"
 * @property {bigint[]} seeds of the faces; none if they are of no seed
 * @property {Record<string, string>} query
 * @property {string | null} body JSON
 */

/**
 * The faces of consecutive seeds: of the last ones there are, where fewer follow.
 * @param {string} variant
 * @param {bigint} seed
 * @param {number} count
 * @returns {Ask}
 */
export function ofSeeds(variant, seed, count) {
  const last = LARGEST_SEED - BigInt(count - 1);
  const first = seed < last ? seed : last;
  const seeds = Array.from({ length: count }, (_, i) => first + BigInt(i));
  const what = count === 1 ? `seed ${first}` : `seeds ${first} to ${seeds[count - 1]}`;
  const query = { seed: String(first), ...(count > 1 && { count: String(count) }) };
  return { variant, count, what, seeds, query, body: null };
}

/**
 * The face of latents.
 * @param {string} variant
 * @param {number[]} latents
 * @param {bigint} seed that they were moved from
 * @returns {Ask}
 */
export function ofLatents(variant, latents, seed) {
  const body = JSON.stringify({ latents: [latents] });
  return { variant, count: 1, what: `seed ${seed}, moved`, seeds: [], query: {}, body };
}

/**
 * The faces on the straight way between two seeds.
 * @param {string} variant
 * @param {bigint} from
 * @param {bigint} to
 * @returns {Ask}
 */
export function ofWay(variant, from, to) {
  const body = `{"interpolate":{"from":${from},"to":${to},"steps":${WAY_STEPS}}}`; // JSON.stringify takes no bigint
  return { variant, count: WAY_STEPS, what: `seed ${from} to seed ${to}`, seeds: [], query: {}, body };
}

/**
 * The columns of the picture: as near to a square as fills the most places, as service/images.py lays them.
 * @param {Ask} ask
 */
export function columns(ask) {
  return Math.ceil(Math.sqrt(ask.count));
}

/**
 * Where it is asked, without the service's address.
 * @param {Ask} ask
 */
export function path(ask) {
  return `generate?${new URLSearchParams({ variant: ask.variant, ...ask.query })}`;
}

/**
 * Whether two ask for the same picture.
 * @param {Ask} a
 * @param {Ask} b
 */
export function same(a, b) {
  return path(a) === path(b) && a.body === b.body;
}

/**
 * The same as a command.
 * @param {Ask} ask
 * @param {string} base the service's address
 * @param {boolean} keyed whether a key is sent; the command names a variable in its place
 */
export function curl(ask, base, keyed) {
  const key = keyed ? ` \\\n  -H "Authorization: Bearer $PBGEN_KEY"` : "";
  const body = ask.body ? ` \\\n  -H 'Content-Type: application/json' -d '${ask.body}'` : "";
  return `curl -X POST '${new URL(path(ask), base)}'${key}${body} \\\n  -o ${fileName(ask)}`;
}

/**
 * A name for the picture's file.
 * @param {Ask} ask
 */
export function fileName(ask) {
  return `${ask.variant}-${ask.what.replace(/[^a-z0-9]+/g, "-")}.png`;
}
