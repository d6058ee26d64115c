// Experiment 3: a flow carries noise to a letter; x moves by v(x, t) / steps in each step.

const noise = { random: randomNumbers(Date.now() + 1), steps: 16, letter: 0, path: null };

function newNoise() {
  noise.start = Float32Array.from(noise.random.normals(noise.file.program.inputs[0].reduce((a, b) => a * b, 1)));
}

const velocityAt = (x, t) => runNetwork(noise.file.program, noise.file.arrays, [x, [t], [noise.letter]]);

// All points of the way, with what the network expects at the end from each: x + (1 - t)·v.
async function walk(draw) {
  const mine = (noise.path = []);
  let x = noise.start;
  for (let i = 0; i <= noise.steps; i++) {
    const t = i / noise.steps;
    const v = i < noise.steps ? velocityAt(x, t) : null;
    const expected = v ? x.map((value, p) => value + (1 - t) * v[p]) : x;
    mine.push({ t, x, expected });
    draw(i);
    await nextFrame();
    if (noise.path !== mine) return false;
    if (v) x = x.map((value, p) => value + v[p] / noise.steps);
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

// The whole way at once, slowly enough to see; then the slider goes back and forth on it.
async function playNoise() {
  at("noise-slider").max = noise.steps;
  at("noise-status").textContent = "";
  const letter = page.noise.classes[noise.letter], steps = noise.steps;
  if (await walk(still.matches ? () => {} : drawNoise)) {
    drawNoise(steps);
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
    const i = Number(event.target.value);
    if (noise.path?.length > noise.steps) drawNoise(i);
  });
  noise.path = [{ t: 0, x: noise.start, expected: noise.start }];
  drawNoise(0);
  at("noise-guess").getContext("2d").clearRect(0, 0, 448, 448);
  at("noise-guess").setAttribute("aria-label", "{{noise_nothing}}");
}
