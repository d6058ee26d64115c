
"use strict";
// One rater after the other: start, practice, questions, a file. Texts go in as text, never as HTML.

const study = JSON.parse(document.getElementById("study").textContent);
const at = (id) => document.getElementById(id);
const FIXATION_MS = 500;
const HALF_FRAME_MS = 8;
const GRAINY = 128; // smaller images are enlarged to whole multiples, with sharp pixels
const LARGEST_GRAINY = 480; // CSS pixels per side
const LARGEST = 720;
const MARGIN = 16; // around the images, both sides together
const pairs = study.protocol === "which_is_real";

let rater; // name, session, steps, place among them, answers
let question; // what is on the screen now; null between questions

// The order of a session, with the arithmetic of session.py ---------------------------------

function sessionSteps(session) {
  let x = session;
  const next = () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>>= 0);
  };
  for (let i = 0; i < 16; i++) next();
  const below = (n) => Math.floor((next() * n) / 2 ** 32);
  const swapped = below(2) === 1;
  const first = study.blocks[0].length;
  const blocks = study.blocks.map((block, b) => block.map((_, i) => i + b * first));
  if (below(2) === 1) blocks.reverse();
  for (const block of blocks) {
    for (let last = block.length - 1; last > 0; last--) {
      const other = below(last + 1);
      [block[last], block[other]] = [block[other], block[last]];
    }
  }
  const trials = study.blocks.flat();
  return blocks.flat().map((trial) => {
    const images = [...trials[trial]];
    return { trial, images: swapped ? images.reverse() : images };
  });
}

// Screens -----------------------------------------------------------------------------------

function show(screen) {
  for (const other of document.querySelectorAll(".screen")) other.hidden = other.id !== screen;
  scrollTo(0, 0);
}

// A text of texts.py with its numbers; a number with its noun, for one or for several.
function say(name, values) {
  return study.words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

function count(n, noun) {
  return study.words[noun][n === 1 ? 0 : 1].replace("{n}", n);
}

function intro() {
  rater = question = null;
  at("rater").value = "";
  show("intro");
  at("start").querySelector("button").focus(); // not the input: a phone would open its keyboard
}

function start(event) {
  event.preventDefault();
  const session = crypto.getRandomValues(new Uint32Array(1))[0] || 1;
  const practice = study.practice.map((images) => ({ trial: null, images }));
  rater = {
    name: at("rater").value.trim() || "rater-" + session.toString(16).padStart(8, "0"),
    session,
    steps: [...practice, ...sessionSteps(session)],
    place: 0,
    answers: [],
    saved: false,
  };
  document.activeElement.blur();
  ask();
}

function pause() {
  const total = study.blocks.flat().length;
  at("pause-text").textContent = say("pause", { questions: count(total, "question") });
  show("pause");
  at("go").focus();
}

// A question --------------------------------------------------------------------------------

async function ask() {
  const step = rater.steps[rater.place];
  const practising = step.trial === null;
  const total = practising ? study.practice.length : rater.steps.length - study.practice.length;
  const done = practising ? rater.place : rater.place - study.practice.length;
  const counter = practising ? "practice_counter" : "counter";
  at("counter").textContent = say(counter, { done: done + 1, total });
  at("progress").max = total;
  at("progress").value = done;
  at("stop").hidden = practising;
  const mine = { step, onset: null, shown: null, frames: step.images.map(frame) };
  question = mine;
  setButtons(false);
  at("stage").replaceChildren(...mine.frames.map((f) => f.box));
  show("question");
  fit();
  await Promise.all(mine.frames.flatMap((f) => [f.image.decode(), f.mask.decode()]));
  if (study.exposure_ms !== null) {
    for (const f of mine.frames) f.cross.classList.add("shown");
    await wait(FIXATION_MS);
    for (const f of mine.frames) f.cross.classList.remove("shown");
  }
  await nextFrame();
  if (question !== mine) return; // the rater has stopped in the meantime
  for (const f of mine.frames) f.image.classList.add("shown");
  mine.onset = performance.now(); // not the frame's own time: the script may run later
  setButtons(true);
  if (study.exposure_ms !== null) cover(mine);
}

async function cover(mine) {
  const enough = study.exposure_ms - HALF_FRAME_MS;
  do await nextFrame();
  while (performance.now() - mine.onset < enough && question === mine);
  if (question !== mine) return;
  for (const f of mine.frames) {
    f.mask.classList.add("shown");
    f.image.hidden = true;
    f.image.removeAttribute("src");
  }
  mine.shown = Math.round(performance.now() - mine.onset);
}

function frame(id) {
  const box = document.createElement("div");
  const cross = document.createElement("span");
  box.className = "frame";
  cross.className = "cross";
  cross.textContent = "+";
  const image = picture(study.pictures[id], study.words.image);
  const mask = picture(study.mask, "");
  box.append(image, mask, cross);
  return { box, cross, image, mask };
}

function picture(data, alt) {
  const image = new Image();
  image.src = "data:image/png;base64," + data;
  image.alt = alt;
  image.draggable = false;
  return image;
}

function answer(choice) {
  const mine = question;
  if (!mine || mine.onset === null) return;
  const now = performance.now();
  question = null;
  if (mine.step.trial !== null) {
    rater.answers.push({
      trial: mine.step.trial,
      answer: pairs ? mine.step.images[choice] : ["real", "fake"][choice],
      ms: Math.max(0, Math.round(now - mine.onset)),
      shown_ms: mine.shown, // null if there is no limit, or if the answer came before its end
    });
  }
  rater.place += 1;
  if (rater.place === rater.steps.length) finish();
  else if (rater.place === study.practice.length) pause();
  else ask();
}

function finish() {
  question = null;
  const text = JSON.stringify({
    format: "gentut-study-response-1",
    study: study.study,
    rater: rater.name,
    session: rater.session,
    face: "page",
    simulated: false,
    answers: rater.answers,
  });
  const name = rater.name.replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 40);
  const link = at("save");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([text + "\n"], { type: "application/json" }));
  link.download = `answers-${study.study}-${name}-${rater.session.toString(16)}.json`;
  at("copy").value = text;
  at("end-text").textContent = say("end", { questions: count(rater.answers.length, "question") });
  show("end");
  link.focus();
}

// Layout, time, input -----------------------------------------------------------------------

function fit() {
  if (!question) return;
  const { clientWidth, clientHeight } = at("stage");
  const gap = parseFloat(getComputedStyle(at("stage")).columnGap);
  const side = (clientWidth - MARGIN + gap) / question.frames.length - gap;
  for (const f of question.frames) {
    for (const image of [f.image, f.mask]) {
      const place = () => {
        const { naturalWidth: w, naturalHeight: h } = image;
        if (!w) return;
        const grainy = Math.max(w, h) < GRAINY;
        const largest = grainy ? LARGEST_GRAINY : LARGEST;
        let scale = Math.min(Math.min(side, largest) / w, Math.min(clientHeight - MARGIN, largest) / h);
        if (grainy && scale > 1) scale = Math.floor(scale);
        image.classList.toggle("grainy", grainy);
        image.width = Math.round(w * scale);
        image.height = Math.round(h * scale);
      };
      image.complete ? place() : image.addEventListener("load", place, { once: true });
    }
  }
}

function setButtons(on) {
  for (const button of at("choices").children) button.disabled = !on;
}

const nextFrame = () => new Promise((done) => requestAnimationFrame(done));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function key(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || !question) return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const choice = study.keys.findIndex((keys) => keys.includes(pressed));
  if (choice < 0) return;
  event.preventDefault();
  answer(choice);
}

function build() {
  const total = study.blocks.flat().length;
  const practice = study.practice.length;
  at("title").textContent = study.title;
  at("instructions").textContent = study.instructions;
  at("exposure").textContent = study.exposure_text;
  at("exposure").hidden = !study.exposure_text;
  const questions = count(total, "question");
  at("amount").textContent = say(practice ? "amount_after_practice" : "amount", { questions, n: practice });
  at("ask").textContent = study.question;
  study.buttons.forEach((text, choice) => {
    const button = document.createElement("button");
    const hint = document.createElement("kbd");
    hint.textContent = study.hints[choice];
    button.append(text, hint);
    button.addEventListener("click", () => answer(choice));
    at("choices").append(button);
  });
  at("start").addEventListener("submit", start);
  at("go").addEventListener("click", () => ask());
  at("stop").addEventListener("click", () => {
    if (confirm(say("confirm_stop", { answers: count(rater.answers.length, "answer") }))) finish();
  });
  at("save").addEventListener("click", () => (rater.saved = true));
  at("copy").addEventListener("focus", (event) => event.target.select());
  at("again").addEventListener("click", () => {
    if (rater.saved || confirm(study.words.confirm_unsaved)) intro();
  });
  addEventListener("keydown", key);
  addEventListener("resize", fit);
  addEventListener("beforeunload", (event) => {
    if (rater && !rater.saved) event.preventDefault();
  });
  intro();
}

build();
