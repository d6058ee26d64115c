// Experiment 3: a flow carries noise to a letter; x moves by v(x, t) / steps in each step.

const PLAY = 2000; // milliseconds for a whole way of many steps
const PAUSE = 150; // at most, after a step

const noise = { random: randomNumbers(Date.now() + 1), steps: 16, letter: 0, path: [], held: false };

function newNoise() {
  noise.start = Float32Array.from(noise.random.normals(noise.file.program.inputs[0].reduce((a, b) => a * b, 1)));
}

const velocityAt = (x, t) => runNetwork(noise.file.program, noise.file.arrays, [x, [t], [noise.letter]]);

// All points of the way, with what the network expects at the end from each: x + (1 - t)·v.
async function walk(draw, pause = 0) {
  const mine = (noise.path = []), { steps } = noise;
  let x = noise.start;
  for (let i = 0; i <= steps; i++) {
    const t = i / steps, until = performance.now() + pause;
    const v = i < steps ? velocityAt(x, t) : null;
    const expected = v ? x.map((value, p) => value + (1 - t) * v[p]) : x;
    mine.push({ t, x, expected });
    draw(i);
    do {
      await nextFrame();
      if (noise.path !== mine) return false;
    } while (performance.now() < until);
    if (v) x = x.map((value, p) => value + v[p] / steps);
  }
  return true;
}

function drawNoise(i) {
  const point = noise.path[i];
  if (!point) return;
  const shape = noise.file.program.inputs[0];
  for (const [id, values] of [["noise-now", point.x], ["noise-guess", point.expected]]) {
    const canvas = at(id);
    paint(canvas.getContext("2d"), values.map((v) => clamp((v + 1) / 2, 0, 1)), shape, 0, 0, canvas.width);
  }
  const text = point.t.toFixed(2), letter = page.noise.classes[noise.letter];
  at("noise-slider").value = i;
  at("noise-slider").setAttribute("aria-valuetext", `{{noise_time}}`);
  at("noise-time").textContent = at("noise-value").textContent = text;
  at("noise-now").setAttribute("aria-label", `{{noise_way}}`);
  at("noise-guess").setAttribute("aria-label", `{{noise_expects}}`);
}

// Draws the walk as it goes, unless a hand holds the slider: then what is at its place.
function follow(i) {
  if (!noise.held || i === Number(at("noise-slider").value)) drawNoise(i);
}

// The whole way at once, slowly enough to see; then the slider goes back and forth on it.
async function playNoise() {
  noise.held = false;
  at("noise-slider").max = noise.steps;
  at("noise-status").textContent = "";
  const letter = page.noise.classes[noise.letter], steps = noise.steps;
  if (await (still.matches ? walk(() => {}) : walk(follow, Math.min(PAUSE, PLAY / steps)))) {
    if (!noise.held) drawNoise(steps);
    at("noise-status").textContent = `{{noise_done}}`;
  }
}

async function startNoise() {
  noise.file = await loadModel(page.noise.name);
  newNoise();
  const mark = pressButtons("noise-classes", page.noise.classes, (k) => {
    noise.letter = k;
    mark(k);
    playNoise();
  });
  mark(0);
  const counts = ["1", "2", "4", "8", "16", "32"];
  radios("noise-steps", "noise-step", counts.map((n) => [n, n]), "16", (value) => {
    noise.steps = Number(value);
    playNoise();
  });
  at("noise-play").addEventListener("click", playNoise);
  at("noise-new").addEventListener("click", () => {
    newNoise();
    playNoise();
  });
  at("noise-slider").addEventListener("input", (event) => {
    noise.held = true;
    drawNoise(Number(event.target.value));
  });
  noise.held = true; // at time 0: the first walk is made unseen, for the slider
  walk(follow);
}
