/** The place of a picture: faces in a square, whole or one of them, and each to be chosen. */

import { h } from "./dom.js";

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Picture {
  #image;
  #tile = /** @type {HTMLCanvasElement} */ (h("canvas", { role: "img", hidden: true }));
  #cells = h("div", { class: "cells" });
  #address = "";
  #columns = 1;

  /**
   * @param {(seed: bigint) => void} choose called with the seed of the face that somebody wants to see
   * @param {HTMLImageElement | null} first what the page came with
   */
  constructor(choose, first) {
    this.#image = first ?? /** @type {HTMLImageElement} */ (h("img", { alt: "", hidden: true }));
    this.element = h("div", { class: "picture" }, this.#image, this.#tile, this.#cells);
    this.#cells.addEventListener("click", (event) => {
      const seed = /** @type {HTMLElement} */ (event.target).dataset.seed;
      if (seed) choose(BigInt(seed));
    });
    this.#cells.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Where the picture can be had, as a link. */
  get address() {
    return this.#address;
  }

  /**
   * Shows a picture once it is decoded, so that nothing flickers.
   * @param {Blob} blob
   * @param {{columns: number, alt: string, seeds: bigint[], tile: number | null}} what tile: the only one to show
   */
  async show(blob, { columns, alt, seeds, tile }) {
    const address = URL.createObjectURL(blob);
    const image = /** @type {HTMLImageElement} */ (h("img", { src: address, alt, draggable: "false" }));
    await image.decode();
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = address;
    this.#image.replaceWith(image);
    this.#image = image;
    this.#columns = columns;
    this.element.style.setProperty("--columns", String(columns));
    this.tile(tile);
    this.#lay(seeds.length > 1 ? seeds : []);
  }

  /**
   * Shows only one of the faces, or all.
   * @param {number | null} index
   */
  tile(index) {
    this.#image.hidden = index !== null;
    this.#tile.hidden = index === null;
    if (index === null) return;
    const size = this.#image.naturalWidth / this.#columns;
    const [x, y] = [index % this.#columns, Math.floor(index / this.#columns)];
    this.#tile.width = this.#tile.height = size; // which clears it
    this.#tile.setAttribute("aria-label", `Face ${index + 1} of ${this.#image.alt}`);
    this.#tile.getContext("2d")?.drawImage(this.#image, x * size, y * size, size, size, 0, 0, size, size);
  }

  /** @param {bigint[]} seeds of faces that can be chosen */
  #lay(seeds) {
    const old = Array.from(this.#cells.children, (cell) => /** @type {HTMLElement} */ (cell).dataset.seed);
    if (old.length === seeds.length && old[0] === String(seeds[0])) return; // the focus stays
    this.#cells.replaceChildren(
      ...seeds.map((seed, i) =>
        h("button", {
          type: "button",
          "data-seed": String(seed),
          "aria-label": `Show seed ${seed} alone`,
          tabindex: i === 0 ? 0 : -1,
        }),
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const move = MOVES[/** @type {keyof typeof MOVES} */ (event.key)];
    if (!move) return;
    event.preventDefault();
    const cells = /** @type {HTMLElement[]} */ ([...this.#cells.children]);
    const from = cells.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = cells[from + move[0] + move[1] * this.#columns];
    if (!to) return;
    cells[from].tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }
}
