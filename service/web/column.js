/** A variant on the page: its faces, and beneath them what they cost and how good they are. */

import { columns, curl, fileName, same } from "./ask.js";
import { copy } from "./clipboard.js";
import { h } from "./dom.js";
import { megabytes, ms, times } from "./format.js";
import { History } from "./history.js";
import { Picture } from "./picture.js";

/** @typedef {import("./api.js").Service} Service */
/** @typedef {import("./api.js").Variant} Variant */
/** @typedef {import("./ask.js").Ask} Ask */

const FIGURES = /** @type {const} */ ([
  { name: "latency", label: "Generate", unit: (/** @type {number} */ faces) => (faces === 1 ? "" : ` ${faces} faces`), show: ms, words: ["faster", "slower"] },
  { name: "memory", label: "Memory", unit: () => "", show: megabytes, words: ["less", "more"] },
  { name: "distance", label: "SWD", unit: () => " × 10³", show: (/** @type {number} */ v) => v.toFixed(1), words: ["lower", "higher"] },
]);

export class Column {
  #service;
  #picture;
  #figures = FIGURES.map((figure) => new Figure(figure));
  #download = /** @type {HTMLAnchorElement} */ (h("a", { class: "action" }, "Download"));
  #curl = h("button", { type: "button", class: "action" }, "Copy as curl");
  /** @type {Ask | null} what is shown */
  #asked = null;
  /** @type {Ask | null} what is to be shown at last */
  #wish = null;
  /** @type {Ask | null} what has not been asked yet */
  #next = null;
  /** @type {number | null} the only one of the faces to show */
  #tile = null;
  #asking = false;

  /**
   * @param {Service} service
   * @param {Variant} variant
   * @param {(seed: bigint) => void} choose
   * @param {HTMLImageElement | null} first the face to show until there is another
   */
  constructor(service, variant, choose, first) {
    this.#service = service;
    this.variant = variant;
    this.history = new History();
    this.#picture = new Picture(choose, first);
    this.#curl.addEventListener("click", () => {
      if (this.#asked) copy(curl(this.#asked, service.base, Boolean(service.key)), `The curl command of ${variant.variant}`);
    });
    this.element = h(
      "article",
      { class: "column", "aria-label": variant.variant },
      h("header", {}, h("h2", {}, variant.variant), layers(variant), h("p", {}, describe(variant))),
      this.#picture.element,
      h(
        "div",
        { class: "facts" },
        h("dl", {}, ...this.#figures.map((figure) => figure.element)),
        this.history.element,
        h("p", { class: "actions" }, this.#download, this.#curl),
      ),
    );
  }

  /** What the column can be compared by; null: not known. */
  get values() {
    const resident = Object.values(this.variant.resident_bytes).reduce((sum, bytes) => sum + bytes, 0);
    return { latency: this.history.median, memory: resident, distance: this.variant.swd?.mean ?? null };
  }

  /**
   * Whether a wish is another than the last one.
   * @param {Ask} ask
   */
  wants(ask) {
    return !this.#wish || !same(ask, this.#wish);
  }

  /**
   * Asks for faces and shows them; while an answer is under way only the latest wish is kept.
   * @param {Ask} ask
   * @throws {import("./api.js").Problem}
   */
  async show(ask) {
    this.#wish = this.#next = ask;
    if (this.#asking) return;
    this.#asking = true;
    this.element.setAttribute("aria-busy", "true");
    try {
      while (this.#next) {
        const wanted = this.#next;
        this.#next = null;
        const { picture, timing } = await this.#service.generate(wanted);
        if (wanted.count !== this.#asked?.count) this.history.clear();
        this.history.add(timing);
        if (!this.#asked || !same(wanted, this.#asked)) await this.#paint(wanted, picture);
      }
    } catch (error) {
      this.#wish = this.#next = null; // so that the same can be asked again
      throw error;
    } finally {
      this.#asking = false;
      this.element.removeAttribute("aria-busy");
    }
  }

  /**
   * Shows only one of the faces that were wished for, or all of them.
   * @param {number | null} index
   */
  tile(index) {
    this.#tile = index;
    if (this.#asked && this.#wish && same(this.#asked, this.#wish)) this.#picture.tile(index);
  }

  /**
   * Shows the figures beside those of a reference.
   * @param {Column} reference
   * @param {Column[]} all those on the page, whose largest value is a full bar
   */
  compare(reference, all) {
    FIGURES.forEach(({ name }, i) => {
      const largest = Math.max(...all.map((each) => each.values[name] ?? 0));
      const told = this !== reference && (name !== "latency" || (this.history.settled && reference.history.settled));
      this.#figures[i].show(this.values[name], told ? reference.values[name] : null, largest, this.#asked?.count ?? 1);
    });
  }

  /**
   * @param {Ask} ask
   * @param {Blob} picture
   */
  async #paint(ask, picture) {
    this.#asked = ask;
    const alt = `${ask.count === 1 ? "Face" : `${ask.count} faces`} of ${ask.what}, by ${ask.variant}`;
    await this.#picture.show(picture, { columns: columns(ask), alt, seeds: ask.seeds, tile: this.#tile });
    this.#download.href = this.#picture.address;
    this.#download.download = fileName(ask);
    this.#download.textContent = ask.count === 1 ? "Download" : `Download sheet of ${ask.count}`;
  }
}

/** One number of a column: the value, how it compares, and a bar. */
class Figure {
  #unit = h("small");
  #value = h("span", { class: "value" }, "–");
  #ratio = h("span", { class: "ratio" });
  #bar = h("span", { class: "bar", "aria-hidden": "true" });
  #figure;

  /** @param {(typeof FIGURES)[number]} figure */
  constructor(figure) {
    this.#figure = figure;
    this.element = h(
      "div",
      { class: "figure" },
      h("dt", {}, figure.label, this.#unit),
      h("dd", {}, this.#ratio, this.#value, this.#bar),
    );
  }

  /**
   * @param {number | null} value
   * @param {number | null} other
   * @param {number} largest
   * @param {number} faces that one request asks for
   */
  show(value, other, largest, faces) {
    const { unit, show, words } = this.#figure;
    this.#unit.textContent = unit(faces);
    this.#value.textContent = value === null ? "–" : show(value);
    this.#ratio.textContent = value && other ? times(value, other, [words[0], words[1]]) : "";
    this.#bar.style.setProperty("--share", String(value && largest ? value / largest : 0));
  }
}

/**
 * How the weights are held, in words.
 * @param {Variant} variant
 */
function describe({ layers }) {
  const wide = layers.filter((layer) => layer.precision !== "binary").length;
  if (wide === layers.length) return "32 bits a weight";
  if (wide === 0) return "one bit a weight";
  const last = wide === 1 && layers[layers.length - 1].precision !== "binary";
  return `one bit a weight, ${last ? "but in the last layer" : `but in ${wide} layers`}`;
}

/**
 * The layers as a row of marks: full where the weights are wide, hollow where they are bits.
 * @param {Variant} variant
 */
function layers({ layers }) {
  const marks = layers.map((layer) => h("i", { class: layer.precision === "binary" ? "bits" : "wide" }));
  return h("span", { class: "layers", "aria-hidden": "true" }, ...marks);
}
