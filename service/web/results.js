/** What all votes say: ratings, and how often each variant is preferred, with 95 % intervals. */

import { find, h, svg } from "./dom.js";

/** @typedef {import("./api.js").Results} Votes */
/** @typedef {import("./api.js").Interval} Interval */

const WIDTH = 200;
const HEIGHT = 20;

export class Results {
  #count = find("results-count");
  #tables = find("results-tables");

  /** @param {Votes} votes */
  show({ votes, ratings, pairs }) {
    this.#count.textContent = votes === 0 ? "" : votes === 1 ? "1 vote" : `${votes} votes`;
    if (!votes) {
      this.#tables.replaceChildren(h("p", { class: "empty" }, "Nobody has voted yet. The first vote may be yours."));
      return;
    }
    const low = Math.min(...ratings.map((each) => each.rating.low), 1000);
    const high = Math.max(...ratings.map((each) => each.rating.high), 1000);
    const rating = table(
      "Rating",
      ["Variant", "", "Rating", "95 %"],
      ratings.map(({ variant, rating }) => [
        variant,
        whisker(rating, low, high, 1000),
        rating.value.toFixed(0),
        `${rating.low.toFixed(0)} – ${rating.high.toFixed(0)}`,
      ]),
    );
    this.#tables.replaceChildren(
      ...(ratings.length ? [rating] : []), // none while all found both bad
      table(
        "Preferred",
        ["Pair", "", "Share", "95 %", "Votes"],
        pairs.map((pair) => {
          const { value, low, high } = pair.win_rate_a;
          return [
            `${pair.a} over ${pair.b}`,
            whisker(pair.win_rate_a, 0, 1, 0.5),
            percent(value),
            `${percent(low)} – ${percent(high)}`,
            String(pair.wins_a + pair.wins_b + pair.ties + pair.both_bad),
          ];
        }),
      ),
    );
  }
}

/**
 * @param {string} caption
 * @param {string[]} head
 * @param {(string | Element)[][]} rows
 */
function table(caption, head, rows) {
  return h(
    "table",
    {},
    h("caption", {}, caption),
    h("thead", {}, h("tr", {}, ...head.map((each) => (each ? h("th", { scope: "col" }, each) : h("td"))))),
    h("tbody", {}, ...rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), ...rest.map(cell)))),
  );
}

/** @param {string | Element} content */
function cell(content) {
  return h("td", {}, content);
}

/**
 * A value on its interval, and a line where neither side is ahead.
 * @param {Interval} interval
 * @param {number} from
 * @param {number} to
 * @param {number} even
 */
function whisker(interval, from, to, even) {
  const x = (/** @type {number} */ value) => 6 + ((WIDTH - 12) * (value - from)) / (to - from || 1);
  const middle = HEIGHT / 2;
  return svg(
    "svg",
    { class: "whisker", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
    svg("line", { class: "even", x1: x(even), x2: x(even), y1: 0, y2: HEIGHT }),
    svg("line", { class: "interval", x1: x(interval.low), x2: x(interval.high), y1: middle, y2: middle }),
    svg("circle", { cx: x(interval.value), cy: middle, r: 4.5 }),
  );
}

/** @param {number} share */
function percent(share) {
  return `${Math.round(100 * share)} %`;
}
