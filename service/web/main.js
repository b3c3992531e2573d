/** The page: its state, and the parts that show it and change it. */

import { Service } from "./api.js";
import { ofSeeds } from "./ask.js";
import { Board } from "./board.js";
import { copy } from "./clipboard.js";
import { Directions } from "./directions.js";
import { find } from "./dom.js";
import { Morph } from "./morph.js";
import { Notice } from "./notice.js";
import { SeedField, drawn } from "./seedfield.js";
import { read, write } from "./state.js";
import { Vote } from "./vote.js";

/** @typedef {import("./api.js").Variant} Variant */
/** @typedef {import("./ask.js").Ask} Ask */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").View} View */

const LIVE_MS = 400; // between two rounds of measurements
const SETTLING_ROUNDS = 6;
const TITLE = document.title;

class Page {
  #service = new Service(document.baseURI);
  #state = read(location.hash);
  #notice = new Notice((key) => (this.#service.key = key));
  #board = new Board((variants) => this.#update({ variants }));
  #seed = new SeedField("seed", (seed) => this.#update({ seed }));
  #directions = new Directions(this.#service, (shift) => this.#update({ shift }));
  #morph = new Morph((patch) => this.#update(patch));
  #vote = new Vote(this.#service, (work) => this.#guard(work));
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #live = find("live");

  async start() {
    this.#wire();
    this.#render();
    await this.#guard(async () => {
      const variants = await this.#service.variants();
      this.#board.fill(this.#service, variants, (seed) => this.#turn({ seed, count: 1 }));
      find("isa").textContent = [...new Set(variants.map((variant) => variant.isa))].join(", ");
      this.#render();
      this.#open().then(() => this.#settle());
    });
  }

  #wire() {
    find("views").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const link = /** @type {HTMLElement} */ (event.target).closest("a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const view = /** @type {View} */ (link.dataset.view);
      if (view !== this.#state.view) this.#turn({ view });
    });
    find("skip").addEventListener("click", (/** @type {Event} */ event) => {
      event.preventDefault(); // its address would tell of no state
      find("main").focus();
    });
    find("count").addEventListener("change", (/** @type {Event} */ event) => {
      this.#update({ count: Number(/** @type {HTMLInputElement} */ (event.target).value) });
    });
    find("pixels").addEventListener("click", () => this.#update({ pixels: !this.#state.pixels }));
    this.#live.addEventListener("click", () => this.#toggleLive());
    find("link").addEventListener("click", () => copy(location.href, "The link to what you see"));
    find("by-hand-close").addEventListener("click", () => find("by-hand").close());
    for (const event of ["hashchange", "popstate"]) {
      addEventListener(event, () => {
        if (location.hash === write(this.#state)) return;
        this.#state = read(location.hash);
        this.#render();
        this.#open();
      });
    }
  }

  /**
   * Goes to another page of the history: Back returns to what was shown.
   * @param {Partial<State>} patch
   */
  #turn(patch) {
    history.pushState(null, "");
    this.#update(patch);
  }

  /** @param {Partial<State>} patch */
  #update(patch) {
    this.#state = { ...this.#state, ...patch };
    history.replaceState(null, "", location.pathname + location.search + write(this.#state));
    this.#render();
    this.#open();
  }

  /** Shows the state in all that is there already; nothing is asked of the service. */
  #render() {
    const { view, variants, seed, count, pixels } = this.#state;
    for (const link of find("views").querySelectorAll("a")) {
      if (link.dataset.view === view) {
        link.setAttribute("aria-current", "page");
        document.title = `${link.textContent} – ${TITLE}`;
      } else link.removeAttribute("aria-current");
    }
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-views]"))) {
      part.hidden = !(part.dataset.views ?? "").split(" ").includes(view);
    }
    find("seed-label").textContent = view === "morph" ? "From seed" : "Seed";
    find("main").classList.toggle("pixels", pixels);
    find("pixels").setAttribute("aria-pressed", String(pixels));
    find("columns").classList.toggle("sheets", view === "seeds" && count > 1);
    for (const box of find("count").querySelectorAll("input")) box.checked = Number(box.value) === count;
    if (view !== "morph") this.#morph.stop();
    this.#seed.show(seed);
    this.#morph.show(this.#state);
    this.#directions.show(this.#state);
    this.#board.show(variants);
  }

  /** Asks for what the view shows and has not yet. */
  async #open() {
    if (this.#state.view === "vote") this.#vote.open();
    else await this.#guard(() => this.#board.ask(this.#wish, this.#tile));
  }

  /**
   * What the state wants of a variant.
   * @param {Variant} variant
   * @returns {Promise<Ask>}
   */
  #wish = async (variant) => {
    const { view, seed, count } = this.#state;
    if (view === "directions") return await this.#directions.ask(variant, this.#state);
    if (view === "morph") return await this.#morph.ask(variant, this.#state);
    return ofSeeds(variant.variant, seed, count);
  };

  /** The only one of the faces to show, or null. */
  get #tile() {
    return this.#state.view === "morph" ? this.#morph.tile(this.#state) : null;
  }

  /** Measures a few times more, so that the first figures are not those of cold caches. */
  async #settle() {
    for (let round = 0; round < SETTLING_ROUNDS && !this.#notice.told; round++) {
      if (this.#state.view === "vote" || this.#state.view === "morph" || this.#state.count > 1) return;
      try {
        await this.#board.measure(this.#wish);
      } catch {
        return; // nobody asked for this: a service that is busy is left alone
      }
    }
  }

  #toggleLive() {
    const on = this.#live.getAttribute("aria-pressed") !== "true";
    this.#live.setAttribute("aria-pressed", String(on));
    if (on) this.#measure();
  }

  /** Measures again and again, with new faces where they may change, until told to stop. */
  async #measure() {
    while (this.#live.getAttribute("aria-pressed") === "true") {
      await new Promise((resolve) => setTimeout(resolve, LIVE_MS));
      if (this.#notice.told || this.#state.view === "vote" || document.hidden) continue;
      const still = this.#calm.matches || this.#state.view !== "seeds";
      if (!still) this.#state = { ...this.#state, seed: drawn() };
      await this.#guard(() => this.#board.measure(this.#wish));
      if (!still) this.#update({});
    }
  }

  /**
   * Does some work, and tells in words if it fails; then it can be tried again.
   * @param {() => Promise<void>} work
   */
  async #guard(work) {
    try {
      await work();
      this.#notice.clear();
    } catch (error) {
      this.#notice.tell(error, () => this.#guard(work));
    }
  }
}

new Page().start();
