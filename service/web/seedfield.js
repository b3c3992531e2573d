/** A field for a seed, with buttons for the one before, the next, and any. */

import { find } from "./dom.js";
import { LARGEST_SEED } from "./latents.js";
import { parseSeed } from "./state.js";

const DRAWN = 1_000_000; // short enough to tell a friend

export class SeedField {
  #field;
  #input;
  #value = 0n;
  #change;

  /**
   * @param {string} id of a fieldset with an input and buttons with data-step
   * @param {(seed: bigint) => void} change called when somebody has chosen another
   */
  constructor(id, change) {
    this.#change = change;
    this.#field = /** @type {HTMLElement} */ (find(id));
    this.#input = /** @type {HTMLInputElement} */ (this.#field.querySelector("input"));
    this.#input.addEventListener("input", () => this.#read());
    this.#input.addEventListener("blur", () => this.show(this.#value));
    this.#field.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      if (button) this.#step(button.dataset.step ?? "");
    });
  }

  /** @param {bigint} seed */
  show(seed) {
    this.#value = seed;
    if (parseSeed(this.#input.value) !== seed) this.#input.value = String(seed);
    this.#tell(true);
  }

  #read() {
    const seed = parseSeed(this.#input.value);
    this.#tell(seed !== null);
    if (seed !== null && seed !== this.#value) {
      this.#value = seed;
      this.#change(seed);
    }
  }

  /** @param {string} step */
  #step(step) {
    const next = step === "any" ? drawn() : this.#value + BigInt(step);
    const seed = next < 0n ? LARGEST_SEED : next > LARGEST_SEED ? 0n : next;
    this.show(seed);
    this.#change(seed);
  }

  /** @param {boolean} valid */
  #tell(valid) {
    this.#input.setAttribute("aria-invalid", String(!valid));
    this.#field.classList.toggle("invalid", !valid);
  }
}

/** A seed drawn at random. */
export function drawn() {
  return BigInt(Math.floor(Math.random() * DRAWN));
}
