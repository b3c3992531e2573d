/** The place of a picture: faces in a square, whole or one of them, and each to be chosen. */

import { h } from "./dom.js";

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Picture {
  #image;
  #tile = /** @type {HTMLCanvasElement} */ (h("canvas", { role: "img", hidden: true }));
  #cells = h("div", { class: "cells" });
  #address = "";
  #columns = 1;
  #at = 0; // the cell that has, or had, the focus

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
    this.#cells.addEventListener("focusin", (event) => this.#reach(/** @type {HTMLElement} */ (event.target)));
    this.#cells.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Where the picture can be had, as a link. */
  get address() {
    return this.#address;
  }

  /**
   * Shows a picture once it is decoded, so that nothing flickers; a focus on the one before goes on to this one.
   * @param {Blob} blob
   * @param {{columns: number, alt: string, seeds: bigint[], tile: number | null}} what tile: the only one to show
   */
  async show(blob, { columns, alt, seeds, tile }) {
    const address = URL.createObjectURL(blob);
    const image = /** @type {HTMLImageElement} */ (h("img", { src: address, alt, draggable: "false" }));
    await image.decode();
    const held = this.element.contains(document.activeElement);
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = address;
    this.#image.replaceWith(image);
    this.#image = image;
    this.#columns = columns;
    this.element.style.setProperty("--columns", String(columns));
    this.tile(tile);
    this.#lay(seeds.length > 1 ? seeds : []);
    if (!held) return;
    this.#image.tabIndex = -1;
    /** @type {HTMLElement} */ (this.#cells.children[this.#at % seeds.length] ?? this.#image).focus();
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
    if (old.length === seeds.length && old[0] === String(seeds[0])) return;
    this.#cells.replaceChildren(
      ...seeds.map((seed, i) =>
        h("button", {
          type: "button",
          "data-seed": String(seed),
          "aria-label": `Show seed ${seed} alone`,
          tabindex: i === this.#at % seeds.length ? 0 : -1,
        }),
      ),
    );
  }

  /** @param {HTMLElement} cell that gets the focus, and is the one to come back to */
  #reach(cell) {
    const cells = /** @type {HTMLElement[]} */ ([...this.#cells.children]);
    this.#at = cells.indexOf(cell);
    for (const each of cells) each.tabIndex = each === cell ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const move = MOVES[/** @type {keyof typeof MOVES} */ (event.key)];
    if (!move) return;
    event.preventDefault();
    const to = this.#cells.children[this.#at + move[0] + move[1] * this.#columns];
    if (to) /** @type {HTMLElement} */ (to).focus();
  }
}
