"use strict";
// What all four experiments need: elements, pictures on canvases, time.

const at = (id) => document.getElementById(id);
const nextFrame = () => new Promise((done) => requestAnimationFrame(done));
const still = matchMedia("(prefers-reduced-motion: reduce)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A row of radio buttons; calls back with the chosen value.
function radios(place, name, options, chosen, change) {
  at(place).replaceChildren(
    ...options.map(([value, text]) => {
      const input = make("input", { type: "radio", name, value, checked: value === chosen });
      input.addEventListener("change", () => change(value));
      return make("label", {}, input, text);
    }),
  );
}

// A row of buttons, of which the one that was pressed last is marked.
function pressButtons(place, texts, press) {
  const buttons = texts.map((text, i) => {
    const button = make("button", { type: "button", textContent: text });
    button.addEventListener("click", () => press(i));
    return button;
  });
  at(place).replaceChildren(...buttons);
  return (marked) => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === marked)));
}

const scratch = document.createElement("canvas");

// Values in [0, 1], (height, width, 1 or 3), onto a square of a canvas, with sharp pixels.
function paint(context, values, [height, width, channels], x, y, side) {
  scratch.width = width;
  scratch.height = height;
  const inner = scratch.getContext("2d");
  const image = inner.createImageData(width, height);
  for (let p = 0; p < height * width; p++) {
    for (let c = 0; c < 3; c++) image.data[4 * p + c] = 255 * values[p * channels + (channels === 3 ? c : 0)] + 0.5;
    image.data[4 * p + 3] = 255;
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(scratch, x, y, side, side);
}

// Calls draw(share) in each frame until share is 1; at once where motion is not wanted. A new
// animation of the same owner ends the one before.
const running = new WeakMap();
async function animate(owner, seconds, draw) {
  const mine = {};
  running.set(owner, mine);
  const start = performance.now();
  for (let share = still.matches ? 1 : 0; ; ) {
    draw(share);
    if (share === 1) return;
    await nextFrame();
    if (running.get(owner) !== mine) return;
    share = Math.min(1, (performance.now() - start) / (1000 * seconds));
  }
}

// Runs a job in the next frame, once, however often it was asked for until then.
function oncePerFrame(job) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      job();
    });
  };
}

// The models of the page, each unpacked when it is first needed.
const page = JSON.parse(at("page-data").textContent);
const unpacked = {};
const loadModel = (name) => (unpacked[name] ??= unpack(at("model-" + name).textContent));

const onTheme = (job) => matchMedia("(prefers-color-scheme: dark)").addEventListener("change", job);

// A run of an experiment on a screen that shows other experiments costs time and is of no use.
function isSeen(id) {
  const box = at(id).getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}
