/** The latencies that a column has measured, and their plot. */

import { h, svg } from "./dom.js";
import { ms } from "./format.js";

/** @typedef {import("./api.js").Timing} Timing */
/** @typedef {{low: number, high: number}} Scale in ms, of a logarithmic axis that all plots share */

const KEPT = 40; // requests
const SETTLED = 5;
const WIDTH = 240;
const HEIGHT = 64;

export class History {
  /** @type {Timing[]} */
  #timings = [];
  #chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  #axis = h("div", { class: "axis", "aria-hidden": "true" });
  #kernel = h("b", {}, "–");
  #trip = h("b", {}, "–");
  #count = h("span", {}, "no request yet");

  constructor() {
    this.element = h(
      "figure",
      { class: "history" },
      h("div", { class: "chart" }, this.#chart, this.#axis),
      h(
        "figcaption",
        {},
        h("span", { class: "kernel" }, "kernel ", this.#kernel),
        h("span", { class: "trip" }, "round trip ", this.#trip),
        this.#count,
      ),
    );
  }

  /** @param {Timing} timing */
  add(timing) {
    this.#timings.push(timing);
    if (this.#timings.length > KEPT) this.#timings.shift();
  }

  /** Forgets all: what is asked from now on cannot be compared with it. */
  clear() {
    this.#timings = [];
  }

  /** Whether the median means something. */
  get settled() {
    return this.#timings.length >= SETTLED;
  }

  /** The median time in the kernels, in ms; null before the first request. */
  get median() {
    return this.#timings.length ? median(this.#timings.map((each) => each.generate)) : null;
  }

  /** The smallest and largest values in the plot. */
  get extent() {
    const values = this.#timings.flatMap((each) => [each.generate, each.total]).filter((value) => value > 0);
    return { low: Math.min(...values), high: Math.max(...values) };
  }

  /** @param {Scale} scale */
  draw(scale) {
    const count = this.#timings.length;
    const place = (/** @type {number} */ value) => HEIGHT * (1 - fraction(Math.max(value, scale.low), scale));
    const across = (/** @type {number} */ i) => WIDTH - ((count - 1 - i) * WIDTH) / (KEPT - 1);
    const line = (/** @type {"generate" | "total"} */ name) =>
      this.#timings.map((each, i) => `${across(i).toFixed(1)},${place(each[name]).toFixed(1)}`);
    const decades = powers(scale);
    this.#chart.replaceChildren(
      ...decades.map((y) => svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: place(y), y2: place(y) })),
      ...[/** @type {const} */ ("total"), /** @type {const} */ ("generate")].flatMap((name) => {
        const points = line(name);
        const last = points.slice(-1).map((point) => svg("path", { class: `${name} last`, d: `M${point}h0` }));
        return [svg("path", { class: name, d: points.length > 1 ? `M${points.join("L")}` : "" }), ...last];
      }),
    );
    const told = decades.filter((_, i) => decades.length <= 3 || i % 2 === 0); // labels must not touch
    this.#axis.replaceChildren(
      ...told.map((y) => {
        const label = h("span", {}, `${Number(y.toPrecision(1))} ms`);
        label.style.insetBlockStart = `${(100 * place(y)) / HEIGHT}%`;
        return label;
      }),
    );
    this.#kernel.textContent = count ? ms(this.median ?? 0) : "–";
    this.#trip.textContent = count ? ms(median(this.#timings.map((each) => each.total))) : "–";
    this.#count.textContent = count ? `median of ${count}` : "no request yet";
  }
}

/**
 * A scale that holds everything that columns measured, ending at powers of ten.
 * @param {History[]} histories
 * @returns {Scale}
 */
export function scaleOf(histories) {
  const extents = histories.map((each) => each.extent);
  const low = Math.min(...extents.map((each) => each.low));
  const high = Math.max(...extents.map((each) => each.high));
  if (!Number.isFinite(low)) return { low: 0.1, high: 10 };
  return { low: 10 ** Math.floor(Math.log10(low)), high: 10 ** Math.ceil(Math.log10(high * 1.05)) };
}

/**
 * @param {number} value
 * @param {Scale} scale
 */
function fraction(value, { low, high }) {
  return Math.log(value / low) / Math.log(high / low);
}

/** @param {Scale} scale */
function powers({ low, high }) {
  const found = [];
  for (let power = Math.round(Math.log10(low)); power <= Math.round(Math.log10(high)); power++) found.push(10 ** power);
  return found;
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
