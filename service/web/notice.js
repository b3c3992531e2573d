/** A failure in words, and the way on: trying again by itself, or a field for a key. */

import { find } from "./dom.js";
import { Problem } from "./api.js";

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const BUSY = [429, 503];
const RECONNECT_S = 3;

export class Notice {
  #element = find("notice");
  #title = find("notice-title");
  #detail = find("notice-detail");
  #again = find("notice-again");
  #key = find("notice-key");
  #input = find("notice-key-input");
  #ticking = 0;
  #retry = () => {};

  /** @param {(key: string) => void} keep called with a key that somebody enters */
  constructor(keep) {
    this.#again.addEventListener("click", () => this.#retryNow());
    this.#key.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      keep(this.#input.value.trim());
      this.#input.value = "";
      this.#retryNow();
    });
  }

  /** Whether a failure is being told. */
  get told() {
    return !this.#element.hidden;
  }

  /**
   * Tells what went wrong. `retry` does it again: by itself where waiting helps, else when somebody asks for it.
   * @param {unknown} error
   * @param {() => void} retry
   */
  tell(error, retry) {
    if (!(error instanceof Problem)) throw error;
    this.#retry = retry;
    this.#title.textContent = `${titleOf(error)}.`;
    this.#detail.textContent = error.message;
    this.#key.hidden = ![UNAUTHORIZED, FORBIDDEN].includes(error.status);
    this.#again.hidden = error.status === UNAUTHORIZED;
    this.#element.hidden = false;
    clearInterval(this.#ticking);
    const wait = waitOf(error);
    if (wait) this.#count(wait);
    else this.#again.textContent = "Try again";
  }

  /** All is well again. */
  clear() {
    clearInterval(this.#ticking);
    this.#element.hidden = true;
  }

  /** @param {number} left seconds */
  #count(left) {
    this.#again.textContent = `Try now (in ${left} s by itself)`;
    this.#ticking = setInterval(() => {
      left -= 1;
      if (left <= 0) this.#retryNow();
      else this.#again.textContent = `Try now (in ${left} s by itself)`;
    }, 1000);
  }

  #retryNow() {
    clearInterval(this.#ticking);
    this.#retry();
  }
}

/** @param {Problem} problem */
function titleOf(problem) {
  if (problem.status === 429) return "You asked for more than your allowance";
  return problem.title;
}

/**
 * Seconds to wait before trying again; null: waiting does not help.
 * @param {Problem} problem
 */
function waitOf(problem) {
  if (problem.status === 0) return RECONNECT_S;
  return BUSY.includes(problem.status) ? (problem.retryAfterS ?? RECONNECT_S) : null;
}
