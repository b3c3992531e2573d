/**
 * The page comes with the faces of the default state; where its address tells of another, they are not to be seen. A
 * plain script in the page's head, so that the first paint is right already.
 */
"use strict";

document.documentElement.classList.toggle("elsewhere", location.hash !== "");
