/** The columns side by side: which of them are shown, what they are asked, and their figures on one scale. */

import { Column } from "./column.js";
import { find, h } from "./dom.js";
import { scaleOf } from "./history.js";

/** @typedef {import("./api.js").Service} Service */
/** @typedef {import("./api.js").Variant} Variant */
/** @typedef {import("./ask.js").Ask} Ask */
/** @typedef {(variant: Variant) => Promise<Ask>} Wish what is wanted of a variant */

const REFERENCE = "float"; // what the others are compared with, where it is shown

export class Board {
  #element = find("columns");
  #choice = find("variants");
  /** @type {Column[]} of every variant that is served */
  #columns = [];
  /** @type {Column[]} */
  #shown = [];

  /** @param {(variants: string[]) => void} change called with the variants that somebody wants to see; none: all */
  constructor(change) {
    this.#choice.addEventListener("change", (/** @type {Event} */ event) => {
      const ticked = this.#boxes.filter((box) => box.checked).map((box) => box.value);
      if (!ticked.length) /** @type {HTMLInputElement} */ (event.target).checked = true; // one is always shown
      else change(ticked.length === this.#boxes.length ? [] : ticked);
    });
  }

  /**
   * Makes the columns.
   * @param {Service} service
   * @param {Variant[]} variants
   * @param {(seed: bigint) => void} choose called with the seed of a face that somebody wants to see alone
   */
  fill(service, variants, choose) {
    const first = (/** @type {Variant} */ { variant }) =>
      this.#element.querySelector(`:root:not(.elsewhere) .first[aria-label="${variant}"] img`);
    this.#columns = variants.map((variant) => new Column(service, variant, choose, first(variant)));
    const box = (/** @type {string} */ value) => h("input", { type: "checkbox", name: "variant", value });
    this.#choice.append(...variants.map(({ variant }) => h("label", {}, box(variant), h("span", {}, variant))));
  }

  /**
   * Shows the named columns, or all.
   * @param {string[]} names
   */
  show(names) {
    const named = this.#columns.filter(({ variant }) => names.includes(variant.variant));
    const shown = named.length ? named : this.#columns;
    if (shown.length !== this.#shown.length || shown.some((column, i) => column !== this.#shown[i])) {
      this.#element.replaceChildren(...shown.map((column) => column.element));
      this.#element.dataset.count = String(shown.length);
    }
    this.#shown = shown;
    for (const box of this.#boxes) box.checked = shown.some(({ variant }) => variant.variant === box.value);
    this.#tell();
  }

  /**
   * Asks all columns at once for what they do not show yet.
   * @param {Wish} wish
   * @param {number | null} tile the only one of the faces to show
   */
  async ask(wish, tile) {
    await Promise.all(
      this.#shown.map(async (column) => {
        const ask = await wish(column.variant);
        column.tile(tile);
        if (!column.wants(ask)) return;
        await column.show(ask);
        this.#tell();
      }),
    );
  }

  /**
   * Measures the columns in turn, each alone.
   * @param {Wish} wish
   */
  async measure(wish) {
    for (const column of this.#shown) {
      await column.show(await wish(column.variant));
      this.#tell();
    }
  }

  /** @returns {HTMLInputElement[]} */
  get #boxes() {
    return [...this.#choice.querySelectorAll("input")];
  }

  #tell() {
    const shown = this.#shown;
    if (!shown.length) return;
    const scale = scaleOf(shown.map((column) => column.history));
    const reference = shown.find(({ variant }) => variant.variant === REFERENCE) ?? shown[0];
    for (const column of shown) {
      column.compare(reference, shown);
      column.history.draw(scale);
    }
  }
}
