/** The blind vote: a pair of faces, a choice, and then what they were. */

import { Problem } from "./api.js";
import { find, h } from "./dom.js";
import { Picture } from "./picture.js";
import { Results } from "./results.js";

/** @typedef {import("./api.js").Pair} Pair */
/** @typedef {import("./api.js").Service} Service */

const SPENT = [403, 409]; // the service does not take the pair's token, or not again
const KEYS = /** @type {Record<string, string>} */ ({
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "tie",
  ArrowDown: "both_bad",
});

export class Vote {
  #service;
  #guard;
  #section = find("vote");
  #sides = { left: new Side("left"), right: new Side("right") };
  #choices = find("vote-choices");
  #next = find("vote-next");
  #told = find("vote-told");
  #results = new Results();
  /** @type {Pair | null} */
  #pair = null;
  #voted = false;

  /**
   * @param {Service} service
   * @param {(work: () => Promise<void>) => void} guard does work whose failure is told, and can be tried again
   */
  constructor(service, guard) {
    this.#service = service;
    this.#guard = guard;
    this.#choices.addEventListener("click", (/** @type {Event} */ event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      if (button) this.#choose(button.dataset.choice ?? "");
    });
    this.#next.addEventListener("click", () => this.#guard(() => this.#draw()));
    document.addEventListener("keydown", (event) => this.#press(event));
  }

  /** The view is shown: draws a pair if there is none, and the results. */
  open() {
    this.#guard(async () => {
      await Promise.all([this.#pair ? null : this.#draw(), this.#tally()]);
    });
  }

  async #draw() {
    const pair = await this.#service.pair();
    await Promise.all([this.#sides.left.show(pair.left), this.#sides.right.show(pair.right)]);
    this.#pair = pair;
    this.#voted = false;
    this.#told.textContent = "";
    this.#swap(false);
  }

  async #tally() {
    this.#results.show(await this.#service.results());
  }

  /** @param {string} choice */
  #choose(choice) {
    const pair = this.#pair;
    if (!pair || this.#voted) return;
    this.#voted = true; // a second press of the same key is no second vote
    this.#guard(async () => {
      if (this.#pair !== pair) return await this.#draw(); // it was refused, and this is another try
      try {
        const revealed = await this.#service.vote(pair.token, choice);
        this.#sides.left.reveal(revealed.left, choice === "left");
        this.#sides.right.reveal(revealed.right, choice === "right");
        this.#told.textContent = `Left was ${revealed.left}, right was ${revealed.right}, both of seed ${revealed.seed}.`;
        this.#pair = null;
        this.#swap(true);
      } catch (error) {
        this.#voted = false;
        if (error instanceof Problem && SPENT.includes(error.status)) this.#pair = null;
        throw error;
      }
      await this.#tally();
    });
  }

  /**
   * Puts the button for the next pair in the place of the choices, or back.
   * @param {boolean} done
   */
  #swap(done) {
    const focused = this.#choices.contains(document.activeElement) || document.activeElement === this.#next;
    this.#choices.classList.toggle("away", done);
    this.#next.classList.toggle("away", !done);
    if (focused) {
      (done ? this.#next : this.#choices.querySelector("button")).focus({ preventScroll: true });
    }
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (this.#section.hidden || target.closest("input, textarea, dialog") || event.altKey || event.ctrlKey || event.metaKey) return;
    const choice = KEYS[event.key];
    if (choice) {
      event.preventDefault();
      this.#choose(choice);
    } else if (event.key === "Enter" && this.#voted && !target.closest("a, button")) this.#next.click();
  }
}

/** One of the two faces. */
class Side {
  #name;
  #caption;
  #figure;
  #picture = new Picture(() => {}, null);

  /** @param {"left" | "right"} name */
  constructor(name) {
    this.#name = name;
    this.#caption = h("figcaption", {}, name === "left" ? "Left" : "Right");
    this.#figure = /** @type {HTMLElement} */ (find(`vote-${name}`));
    this.#figure.append(this.#picture.element, this.#caption);
  }

  /** @param {string} png base64 */
  async show(png) {
    const bytes = Uint8Array.from(atob(png), (each) => each.charCodeAt(0));
    const picture = new Blob([bytes], { type: "image/png" });
    await this.#picture.show(picture, { columns: 1, alt: `The ${this.#name} face`, seeds: [], tile: null });
    this.#caption.textContent = this.#name === "left" ? "Left" : "Right";
    this.#figure.classList.remove("chosen");
  }

  /**
   * @param {string} variant
   * @param {boolean} chosen
   */
  reveal(variant, chosen) {
    this.#caption.textContent = variant;
    this.#figure.classList.toggle("chosen", chosen);
  }
}
