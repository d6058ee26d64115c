// Experiment 4: words steer noise to a latent, and a decoder draws it.

const HEUN_STEPS = 6; // of Heun's method: 11 questions to the network
const caption = { random: randomNumbers(Date.now() + 2), job: null };

// As gentut.data.tokenizer: English words and single Chinese characters, each known one once.
const wordsOf = (text) => [...new Set(text.toLowerCase().match(/[a-z0-9]+|[\u3400-\u9fff]/g) ?? [])];

function tokensOf(words, length) {
  const known = words.map((word) => caption.rows.get(word)).filter((row) => row !== undefined);
  return Float32Array.from({ length }, (_, i) => known[i] ?? 0);
}

function newCaptionNoise() {
  caption.noise = Float32Array.from(caption.random.normals(caption.size));
}

// v(none) + w·(v(words) − v(none)), the guidance of Ho & Salimans (2022); a frame between the two.
async function guidedVelocity(x, t, tokens, weight) {
  const { program, arrays } = caption.file;
  const ask = (words) => runNetwork(program, arrays, [x, [t], words]);
  const told = ask(tokens);
  if (weight === 1) return told;
  await nextFrame();
  return ask(tokens.map(() => 0)).map((none, i) => none + weight * (told[i] - none));
}

// Heun's method, as gentut.solve; the last step is Euler's.
async function solveCaption(tokens, weight, show) {
  const job = (caption.job = {});
  let x = caption.noise;
  for (let i = 0; i < HEUN_STEPS; i++) {
    const v = await guidedVelocity(x, i / HEUN_STEPS, tokens, weight);
    if (caption.job !== job) return null;
    const ahead = x.map((value, p) => value + v[p] / HEUN_STEPS);
    show((i + 1) / HEUN_STEPS, x.map((value, p) => value + (1 - i / HEUN_STEPS) * v[p]));
    await nextFrame();
    if (caption.job !== job) return null;
    if (i === HEUN_STEPS - 1) return ahead;
    const later = await guidedVelocity(ahead, (i + 1) / HEUN_STEPS, tokens, weight);
    x = x.map((value, p) => value + (v[p] + later[p]) / 2 / HEUN_STEPS);
    await nextFrame();
    if (caption.job !== job) return null;
  }
}

function decodeCaption(latents) {
  const { program, arrays } = caption.decoder;
  return runNetwork(program, arrays, [latents]).map(ACTIVATIONS.sigmoid);
}

async function drawCaption() {
  const text = at("caption-text").value.trim();
  const words = wordsOf(text), unknown = words.filter((word) => !caption.rows.has(word));
  const status = at("caption-status"), canvas = at("caption-picture"), context = canvas.getContext("2d");
  if (words.length === unknown.length) {
    caption.job = null;
    status.textContent = words.length ? `{{caption_none}}` : "{{caption_empty}}";
    return;
  }
  const left = unknown.length ? `{{caption_left}}` : "";
  status.textContent = `{{caption_drawing}}`;
  const show = (share, latents) => paint(context, decodeCaption(latents), page.caption.shape, 0, 0, canvas.width);
  const weight = Number(at("caption-guidance").value);
  const latents = await solveCaption(tokensOf(words, caption.length), weight, show);
  if (latents === null) return; // something else is being drawn
  const values = decodeCaption(latents);
  paint(context, values, page.caption.shape, 0, 0, canvas.width);
  canvas.setAttribute("aria-label", `{{caption_drawn}}`);
  at("caption-title-now").textContent = `{{caption_now}}`;
  status.textContent = `{{caption_done}}`;
  addToGallery(values, `{{caption_kept}}`);
}

function addToGallery(values, text) {
  const canvas = make("canvas", { width: 96, height: 96 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text);
  paint(canvas.getContext("2d"), values, page.caption.shape, 0, 0, 96);
  const figure = make("figure", {}, canvas, make("figcaption", { textContent: text }));
  figure.setAttribute("role", "listitem");
  at("caption-before").hidden = false;
  at("caption-gallery").prepend(figure);
  while (at("caption-gallery").children.length > 9) at("caption-gallery").lastChild.remove();
}

async function prepareCaption() {
  [caption.file, caption.decoder] = await Promise.all([page.caption.name, page.caption.decoder].map(loadModel));
  caption.rows = new Map(caption.file.vocabulary.map((word, i) => [word, i + 1]));
  caption.size = caption.file.program.inputs[0].reduce((a, b) => a * b, 1);
  caption.length = caption.file.program.inputs[2][0];
  newCaptionNoise();
}

async function startCaption() {
  await prepareCaption();
  at("caption-form").addEventListener("submit", (event) => {
    event.preventDefault();
    drawCaption();
  });
  at("caption-noise").addEventListener("click", () => {
    newCaptionNoise();
    drawCaption();
  });
  at("caption-guidance").addEventListener("input", (event) => {
    at("caption-guidance-value").textContent = event.target.value;
  });
  pressButtons("caption-examples", page.caption.examples, (i) => {
    at("caption-text").value = page.caption.examples[i];
    drawCaption();
  });
}
