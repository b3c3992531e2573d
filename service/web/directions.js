/** The sliders: how far the latents of a seed are moved along each variant's own directions. */

import { ofLatents } from "./ask.js";
import { find, h } from "./dom.js";
import { latents, moved } from "./latents.js";
import { LARGEST_SHIFT } from "./state.js";

/** @typedef {import("./api.js").Service} Service */
/** @typedef {import("./api.js").Variant} Variant */
/** @typedef {import("./state.js").State} State */

const COUNT = 6;
const STEP = 0.1;

export class Directions {
  #service;
  #sliders;
  #note = find("directions-note");
  /** @type {Map<string, number[][]>} */
  #known = new Map(); // vectors, by model

  /**
   * @param {Service} service
   * @param {(shift: number[]) => void} change
   */
  constructor(service, change) {
    this.#service = service;
    this.#sliders = Array.from({ length: COUNT }, (_, i) => new Slider(i, () => change(this.#shift())));
    find("directions-sliders").append(...this.#sliders.map((slider) => slider.element));
    find("directions-reset").addEventListener("click", () => change([]));
  }

  /** @param {State} state */
  show(state) {
    this.#sliders.forEach((slider, i) => slider.show(state.shift[i] ?? 0));
  }

  /**
   * What is asked of a variant.
   * @param {Variant} variant
   * @param {State} state
   */
  async ask(variant, state) {
    const vectors = await this.#vectors(variant.model);
    return ofLatents(variant.variant, moved(latents(state.seed, variant.latent_dim), vectors, state.shift), state.seed);
  }

  /** @param {string} model */
  async #vectors(model) {
    const known = this.#known.get(model);
    if (known) return known;
    const vectors = (await this.#service.directions(model)).map((direction) => direction.vector);
    this.#known.set(model, vectors);
    if (!vectors.length) {
      this.#note.textContent = `${model} cannot be moved: its file holds no directions.`;
    }
    return vectors;
  }

  #shift() {
    return this.#sliders.map((slider) => slider.value);
  }
}

class Slider {
  #input;
  #output = h("output");

  /**
   * @param {number} index
   * @param {() => void} change
   */
  constructor(index, change) {
    const id = `direction-${index + 1}`;
    this.#input = /** @type {HTMLInputElement} */ (
      h("input", { type: "range", id, min: -LARGEST_SHIFT, max: LARGEST_SHIFT, step: STEP, value: 0 })
    );
    this.#input.addEventListener("input", change);
    this.element = h("p", { class: "slider" }, h("label", { for: id }, `Direction ${index + 1}`), this.#input, this.#output);
    this.show(0);
  }

  get value() {
    return Number(this.#input.value);
  }

  /** @param {number} value */
  show(value) {
    if (this.value !== value) this.#input.value = String(value);
    this.#output.textContent = value ? `${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(1)}` : "0";
  }
}
