/** The way from one seed's face to another's: a place on it, and a film of it. */

import { WAY_STEPS, ofWay } from "./ask.js";
import { find } from "./dom.js";
import { SeedField } from "./seedfield.js";

/** @typedef {import("./api.js").Variant} Variant */
/** @typedef {import("./state.js").State} State */

const FRAME_MS = 50;
const STILL_FRAME_MS = 1500; // where motion is unwanted: a picture, not a film
const STILL_STEPS = 8;

export class Morph {
  #to;
  #slider = find("morph-at");
  #output = find("morph-output");
  #play = find("morph-play");
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #change;
  #at = 0;
  #way = 1;
  #playing = 0;

  /** @param {(patch: Partial<State>) => void} change */
  constructor(change) {
    this.#change = change;
    this.#to = new SeedField("to", (to) => change({ to }));
    this.#slider.max = String(WAY_STEPS - 1);
    this.#slider.addEventListener("input", () => {
      this.stop();
      change({ at: Number(this.#slider.value) / (WAY_STEPS - 1) });
    });
    this.#play.addEventListener("click", () => (this.#playing ? this.stop() : this.#start()));
  }

  /** @param {State} state */
  show(state) {
    this.#at = state.at;
    this.#to.show(state.to);
    this.#slider.value = String(this.tile(state));
    const share = `${Math.round(100 * state.at)} %`;
    this.#output.textContent = share;
    this.#slider.setAttribute("aria-valuetext", `${share} of the way from seed ${state.seed} to seed ${state.to}`);
  }

  /**
   * What is asked of a variant.
   * @param {Variant} variant
   * @param {State} state
   */
  async ask(variant, state) {
    return ofWay(variant.variant, state.seed, state.to);
  }

  /**
   * Which of the answer's faces is shown.
   * @param {State} state
   */
  tile(state) {
    return Math.round(state.at * (WAY_STEPS - 1));
  }

  /** Ends the film. */
  stop() {
    clearInterval(this.#playing);
    this.#playing = 0;
    this.#play.textContent = "Play";
  }

  #start() {
    const [steps, frame] = this.#calm.matches ? [STILL_STEPS, STILL_FRAME_MS] : [WAY_STEPS - 1, FRAME_MS];
    this.#play.textContent = "Pause";
    this.#playing = setInterval(() => {
      if (this.#at >= 1) this.#way = -1;
      if (this.#at <= 0) this.#way = 1;
      this.#change({ at: Math.min(1, Math.max(0, this.#at + this.#way / steps)) });
    }, frame);
  }
}
