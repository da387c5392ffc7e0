// Deals the blocks of the cells out to slides, so that nothing is cut, and turns the slides over.
"use strict";
const WIDTH = 1280, HEIGHT = 720, ROOM = 648, FONT = 26, SMALLEST = 0.75, FEW = 4;
const KEYS = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1, Home: -1e6, End: 1e6 };
const main = document.querySelector("main");
let slide;

const newSlide = () => { slide = main.appendChild(document.createElement("section")); };
const fits = () => slide.offsetHeight <= ROOM && slide.scrollWidth <= slide.clientWidth;
const lines = (block) => {
  const holder = block.matches("ul, ol, pre") ? block : block.querySelector("pre, tbody");
  return [...(holder?.children ?? [])];
};

// Whether this block must not be the last of a slide, since the next one belongs to it.
const announces = (block, next) => block.matches("h1, h2, h3")
  || (block.matches("p, ul, ol") && /[:：]\s*$/.test(block.textContent))
  || (block.matches(".highlight") && next.matches(".printed, .picture"))
  || (block.matches(".diagram, :has(> .diagram)") && next.querySelector(":scope > em:only-child"));

// Make all of the slide smaller, as far as it can still be read from the last row.
function shrink() {
  for (let share = 1; share >= SMALLEST; share -= 0.05) {
    slide.style.fontSize = `${share * FONT}px`;
    if (fits()) return true;
  }
  slide.style.fontSize = "";
  return false;
}

// Put a block here, or as many of its lines as there is room for, and the rest on the next slide.
function pour(block) {
  const rest = block.cloneNode(true);
  slide.append(block);
  const isAlone = slide.children.length === 1;
  if (fits() || (isAlone && shrink())) return;
  const left = lines(block);
  while (left.length > FEW && !fits()) left.pop().remove();
  if (fits()) lines(rest).slice(0, left.length).forEach((line) => line.remove());
  else if (isAlone) throw new Error(`too large for a slide: ${rest.textContent.slice(0, 80)}`);
  else block.remove();
  newSlide();
  pour(rest);
}

function deal() {
  const groups = [];
  let last;
  for (const block of main.querySelectorAll(":scope > .cell > *")) {
    const begins = block.matches("h1, h2, h3, .slide > :first-child, .subslide > :first-child");
    if (!begins && last && announces(last, block)) groups.at(-1).push(block);
    else groups.push([block]);
    groups.at(-1).begins ||= begins;
    last = block;
  }
  main.replaceChildren();
  newSlide();
  for (const group of groups) {
    if (group.begins && slide.children.length) newSlide();
    slide.append(...group);
    if (fits()) continue;
    if (slide.children.length > group.length) {
      newSlide();
      slide.append(...group);
    }
    if (shrink()) continue;
    slide.replaceChildren();
    group.forEach(pour);
  }
}

function show(number) {
  const slides = [...main.children];
  const current = Math.min(Math.max(number, 1), slides.length);
  slides.forEach((each, i) => { each.hidden = i !== current - 1; });
  document.querySelector("#number").textContent = `${current} / ${slides.length}`;
  if (location.hash !== `#${current}`) location.replace(`#${current}`);
}

function fill() {
  const scale = Math.min(innerWidth / WIDTH, innerHeight / HEIGHT);
  const x = (innerWidth - WIDTH * scale) / 2, y = (innerHeight - HEIGHT * scale) / 2;
  main.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
}

const asked = () => Number(location.hash.slice(1)) || 1;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  show(asked() + KEYS[event.key]);
});
addEventListener("hashchange", () => show(asked()));
addEventListener("resize", fill);
addEventListener("load", () => {
  fill();
  deal();
  show(asked());
});
