/** The service's calls; every failure is a Problem that can be told in words. */

import { path } from "./ask.js";

/** @typedef {import("./ask.js").Ask} Ask */
/** @typedef {{queue: number, generate: number, encode: number, total: number}} Timing in ms; total as the page saw it */
/** @typedef {{picture: Blob, timing: Timing}} Answer */
/** @typedef {{precision: string}} Layer */
/**
 * @typedef {object} Variant
 * @property {string} variant
 * @property {string} model
 * @property {string} isa
 * @property {number} latent_dim
 * @property {number} artifact_bytes
 * @property {Record<string, number>} resident_bytes
 * @property {Record<string, number> | null} swd
 * @property {Layer[]} layers
 */
/** @typedef {{share: number, vector: number[]}} Direction */
/** @typedef {{token: string, expires_in_s: number, left: string, right: string}} Pair */
/** @typedef {{left: string, right: string, seed: number, choice: string}} Revealed */
/** @typedef {{value: number, low: number, high: number}} Interval */
/**
 * @typedef {object} Results
 * @property {number} votes
 * @property {{a: string, b: string, wins_a: number, wins_b: number, ties: number, both_bad: number, win_rate_a: Interval}[]} pairs
 * @property {{variant: string, rating: Interval}[]} ratings
 */

const KEPT = "pbgen.key";
const PATIENCE_MS = 30_000;

/** An answer that is none: the service's problem (RFC 9457), or status 0 where nothing answered. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} title
   * @param {string} detail
   * @param {number | null} retryAfterS
   */
  constructor(status, title, detail, retryAfterS = null) {
    super(detail);
    this.status = status;
    this.title = title;
    this.retryAfterS = retryAfterS;
  }
}

export class Service {
  #key = "";

  /** @param {string} base the address that its paths lie under */
  constructor(base) {
    this.base = base;
    try {
      this.#key = sessionStorage.getItem(KEPT) ?? "";
    } catch {
      // Storage is switched off: the key lasts as long as the page.
    }
  }

  /** The API key, kept until the tab is closed; empty: none. */
  get key() {
    return this.#key;
  }

  set key(key) {
    this.#key = key;
    try {
      sessionStorage.setItem(KEPT, key);
    } catch {
      // As above.
    }
  }

  /**
   * @param {Ask} ask
   * @returns {Promise<Answer>}
   */
  async generate(ask) {
    const began = performance.now();
    const response = await this.#post(path(ask), ask.body);
    const picture = await arrived(response.blob());
    const total = performance.now() - began;
    const told = response.headers.get("Server-Timing") ?? "";
    const timing = { queue: 0, generate: 0, encode: 0, total };
    for (const [, name, duration] of told.matchAll(/(queue|generate|encode);dur=([\d.]+)/g)) {
      timing[/** @type {keyof Timing} */ (name)] = Number(duration);
    }
    return { picture, timing };
  }

  /** @returns {Promise<Variant[]>} */
  async variants() {
    return (await this.#get("variants")).variants; // no header, so that the page's preload is this
  }

  /**
   * @param {string} model "partial@1"
   * @returns {Promise<Direction[]>}
   */
  async directions(model) {
    return (await this.#get(`models/${model.replace("@", "/")}`)).directions;
  }

  /** @returns {Promise<Pair>} */
  async pair() {
    return await arrived((await this.#post("arena/pairs", null)).json());
  }

  /**
   * @param {string} token
   * @param {string} choice
   * @returns {Promise<Revealed>}
   */
  async vote(token, choice) {
    return await arrived((await this.#post("arena/votes", JSON.stringify({ token, choice }))).json());
  }

  /** @returns {Promise<Results>} */
  async results() {
    return await this.#get("arena/results");
  }

  /** @param {string} path */
  async #get(path) {
    return await arrived((await this.#ask(path, {})).json());
  }

  /**
   * @param {string} path
   * @param {string | null} body
   */
  async #post(path, body) {
    /** @type {Record<string, string>} */
    const headers = body ? { "Content-Type": "application/json" } : {};
    if (this.key) headers.Authorization = `Bearer ${this.key}`;
    return await this.#ask(path, { method: "POST", headers, body });
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   */
  async #ask(path, init) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await arrived(fetch(new URL(path, this.base), { ...init, signal }));
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

/**
 * What comes over the network; a lost connection becomes a Problem.
 * @template T
 * @param {Promise<T>} coming
 * @returns {Promise<T>}
 */
async function arrived(coming) {
  try {
    return await coming;
  } catch {
    throw new Problem(0, "The connection is lost", "The service does not answer.");
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const told = await response.json().catch(() => ({})); // a balancer's own page is no JSON
  const after = Number(response.headers.get("Retry-After") ?? NaN);
  return new Problem(
    response.status,
    told.title ?? "The service refuses",
    told.detail ?? `It answered ${response.status} ${response.statusText}.`,
    Number.isFinite(after) ? after : null,
  );
}
