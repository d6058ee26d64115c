// Experiment 1: moving through the latent spaces of the VAEs and GANs of the page.
// A place is { z, mix }: the latent, and how much of each class; [0, 0, 1, ...] is all of the third.

const MAP = 7; // pictures along each side of the map
const REACH = 2.5; // of the map, in standard deviations
const STRIP = 9; // pictures on the way
const SLIDERS = 8;

const latent = { random: randomNumbers(Date.now()), start: null, goal: null, way: 1, mark: null };

// A space goes on being drawn while the model of the next one is unpacked.
async function chooseSpace(name) {
  latent.chosen = name;
  const file = await loadModel(name);
  if (latent.chosen !== name) return; // another one was chosen meanwhile
  const space = { ...page.spaces.find((space) => space.name === name), file };
  if (space.labels) addBlendRows(file, space.classes.length);
  space.axes = makeAxes(space, file);
  latent.space = space;
  at("latent-about").textContent = space.about;
  at("latent-emoji-note").hidden = space.codes === null;
  latent.mark = pressButtons("latent-classes", space.classes, goToClass);
  at("latent-go").hidden = space.classes.length === 0;
  makeSliders();
  running.delete(latent);
  latent.start = newPlace(0);
  latent.goal = newPlace(0);
  setWay(1);
}

// One more row in each table of classes, for a mix of them.
function addBlendRows(file, classes) {
  for (const step of file.program.steps) {
    if (step.do !== "look up" || file.arrays[step.rows].length !== classes * step.shape.at(-1)) continue;
    const table = new Float32Array(file.arrays[step.rows].length + step.shape.at(-1));
    table.set(file.arrays[step.rows]);
    file.arrays[step.rows] = table;
  }
}

// Writes the mix into those rows, and returns their number.
function blendClasses(file, mix) {
  for (const step of file.program.steps) {
    if (step.do !== "look up") continue;
    const table = file.arrays[step.rows], width = step.shape.at(-1);
    const blend = table.subarray(mix.length * width).fill(0);
    mix.forEach((share, k) => {
      if (share > 0) for (let i = 0; i < width; i++) blend[i] += share * table[k * width + i];
    });
  }
  return mix.length;
}

// The directions of the sliders: numbers of the latent, or the main directions of many codes.
function makeAxes(space, file) {
  const dim = space.dim;
  if (space.directions === null) {
    return space.order.map((k) => {
      const axis = new Float32Array(dim);
      axis[k] = 1;
      return { axis, mean: new Float32Array(dim), length: 1 };
    });
  }
  const mean = file.arrays[space.mean], all = file.arrays[space.directions];
  return Array.from({ length: all.length / dim }, (_, k) => {
    const axis = all.subarray(k * dim, (k + 1) * dim);
    return { axis, mean, length: axis.reduce((sum, v) => sum + v * v, 0) };
  });
}

function coordinate(z, { axis, mean, length }) {
  return axis.reduce((sum, v, i) => sum + v * (z[i] - mean[i]), 0) / length;
}

function moved(z, axis, value) {
  const change = value - coordinate(z, axis);
  return z.map((v, i) => v + change * axis.axis[i]);
}

const allOf = (label) => Float32Array.from(latent.space.classes, (_, k) => Number(k === label));

// A random place; of a model with stored codes, one of them.
function newPlace(label) {
  const { space, random } = latent;
  if (space.codes === null) return { z: Float32Array.from(random.normals(space.dim)), mix: allOf(label) };
  const own = space.code_classes.flatMap((k, i) => (k === label ? [i] : []));
  const chosen = own[Math.floor(random.uniform() * own.length)];
  const codes = space.file.arrays[space.codes];
  return { z: codes.slice(chosen * space.dim, (chosen + 1) * space.dim), mix: allOf(label) };
}

function between(a, b, share) {
  const part = (name) => a[name].map((v, i) => (1 - share) * v + share * b[name][i]);
  return { z: part("z"), mix: part("mix") };
}

function decode({ z, mix }, { file, labels, logits }) {
  const inputs = labels ? [z, [blendClasses(file, mix)]] : [z];
  const values = runNetwork(file.program, file.arrays, inputs);
  return logits ? values.map(ACTIVATIONS.sigmoid) : values;
}

const currentPlace = () => between(latent.start, latent.goal, latent.way);

// Moves ----------------------------------------------------------------------------------------

function goTo(place) {
  latent.start = currentPlace();
  latent.goal = place;
  animate(latent, 1.2, setWay);
}

function goToClass(label) {
  goTo(latent.space.codes === null ? { z: latent.goal.z, mix: allOf(label) } : newPlace(label));
}

function surprise() {
  const classes = Math.max(1, latent.space.classes.length);
  goTo(newPlace(Math.floor(latent.random.uniform() * classes)));
}

function setWay(share) {
  latent.way = share;
  drawLatent();
}

// A place chosen on the map or with a slider is the new goal, reached at once.
function setCoordinates(values) {
  running.delete(latent);
  const place = currentPlace();
  const z = Object.entries(values).reduce((z, [k, value]) => moved(z, latent.space.axes[k], value), place.z);
  if (latent.way < 1) latent.start = place;
  latent.goal = { ...place, z };
  setWay(1);
}

// Drawing --------------------------------------------------------------------------------------

const drawLatent = oncePerFrame(() => {
  const { space } = latent;
  const place = currentPlace(), values = decode(place, space);
  const canvas = at("latent-picture");
  paint(canvas.getContext("2d"), values, space.shape, 0, 0, canvas.width);
  const kinds = space.classes.filter((_, k) => place.mix[k] > 0);
  const kind = kinds.length > 1 ? `{{between}}` : kinds[0];
  const text = `{{latent_kind}}`;
  canvas.setAttribute("aria-label", text);
  const caption = at("latent-caption"); // read aloud when it changes
  if (caption.textContent !== text + "{{stop}}") caption.textContent = text + "{{stop}}";
  latent.mark(latent.goal.mix.indexOf(1));
  const percent = Math.round(100 * latent.way);
  at("latent-way").value = percent;
  at("latent-way").setAttribute("aria-valuetext", `{{percent}}`);
  at("latent-way-value").textContent = `${percent} %`;
  latent.inputs.forEach(({ input, output }, k) => {
    const value = coordinate(place.z, space.axes[k]);
    input.value = value;
    output.textContent = signed(value);
  });
  drawMap(place);
  drawStrip();
});

const listed = (names) => new Intl.ListFormat(document.documentElement.lang).format(names);

// One decimal, with the sign of a minus, and none for what is rounded to 0.
const signed = (value) => (Math.round(10 * value) / 10 || 0).toFixed(1).replace("-", "\u2212");

// The dot that says on the map and on the strip: you are here.
function dot(context, x, y) {
  for (const [radius, fill] of [[13, "#fff"], [10, "#000"], [8, "#e69f00"]]) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
  }
}

const pointOf = (place) =>
  [0, 1].map((k) => clamp(coordinate(place.z, latent.space.axes[k]), -REACH, REACH));

// The map and the strip know the space that they show: it may not be the chosen one any more when
// the next picture of them is made. Until then the pictures before stay.
const tilesBefore = (shown, space) => (shown?.space === space ? [...shown.tiles] : []);

// The pictures of the map, which stay as they are while only its two numbers change.
function drawMap(place) {
  const { space } = latent, [first, second] = space.axes;
  const rest = moved(moved(place.z, first, 0), second, 0);
  const fixed = (numbers) => numbers.map((v) => v.toFixed(2));
  const key = `${space.name} ${fixed([...place.mix])} ${fixed([...rest])}`;
  if (latent.map?.key !== key) {
    latent.map = { key, space, place: { ...place, z: rest }, tiles: tilesBefore(latent.map, space), filled: 0 };
  }
  const [x, y] = (latent.map.point = pointOf(place));
  paintMap();
  if (latent.map.filled < MAP * MAP && !latent.filling) fillMap();
  at("latent-map").setAttribute("aria-label", `{{map_now}}`);
}

function paintMap() {
  const { space, tiles, point } = latent.map;
  const canvas = at("latent-map"), context = canvas.getContext("2d"), side = canvas.width, tile = side / MAP;
  context.fillStyle = colour("panel");
  context.fillRect(0, 0, side, side);
  tiles.forEach((values, i) =>
    paint(context, values, space.shape, (i % MAP) * tile, Math.floor(i / MAP) * tile, tile));
  dot(context, ...point.map((v, k) => ((((k ? -v : v) / REACH) * (MAP - 1)) / MAP / 2 + 0.5) * side));
}

// A few pictures in each frame, so that the page goes on answering; always of the newest map.
async function fillMap() {
  latent.filling = true;
  do {
    await nextFrame();
    const { map } = latent, { space, place } = map, until = performance.now() + 10;
    while (map.filled < MAP * MAP) {
      const value = (k) => ((2 * k) / (MAP - 1) - 1) * REACH;
      const [x, y] = [value(map.filled % MAP), -value(Math.floor(map.filled / MAP))];
      const z = moved(moved(place.z, space.axes[0], x), space.axes[1], y);
      map.tiles[map.filled++] = decode({ ...place, z }, space);
      if (performance.now() > until) break;
    }
    paintMap();
  } while (latent.map.filled < MAP * MAP);
  latent.filling = false;
}

function drawStrip() {
  const { space, start, goal, strip } = latent;
  if (strip?.start === start && strip.goal === goal) return paintStrip();
  latent.strip = { space, start, goal, tiles: tilesBefore(strip, space), filled: 0 };
  paintStrip();
  fillStrip();
}

function paintStrip() {
  const { space, tiles } = latent.strip;
  const canvas = at("latent-strip"), context = canvas.getContext("2d"), side = canvas.width / STRIP - 4;
  const place = (share) => share * (canvas.width - side);
  context.clearRect(0, 0, canvas.width, canvas.height);
  tiles.forEach((values, i) => paint(context, values, space.shape, place(i / (STRIP - 1)), 0, side));
  dot(context, place(latent.way) + side / 2, canvas.height - 15);
}

async function fillStrip() {
  const { strip } = latent;
  while (strip.filled < STRIP) {
    await nextFrame();
    if (latent.strip !== strip) return;
    const place = between(strip.start, strip.goal, strip.filled / (STRIP - 1));
    strip.tiles[strip.filled++] = decode(place, strip.space);
    paintStrip();
  }
}

// Controls -------------------------------------------------------------------------------------

function makeSliders() {
  const count = Math.min(SLIDERS, latent.space.axes.length);
  const kind = latent.space.directions === null ? "{{of_numbers}}" : "{{of_directions}}";
  at("latent-numbers").textContent =
    `{{latent_numbers}}`;
  latent.inputs = Array.from({ length: count }, (_, k) => {
    const input = make("input", { type: "range", min: -3, max: 3, step: 0.05 });
    const output = make("output");
    input.addEventListener("input", () => setCoordinates({ [k]: Number(input.value) }));
    return { input, output, label: make("label", { className: "slider" }, `${k + 1}`, input, output) };
  });
  latent.inputs.forEach(({ input }, k) => input.setAttribute("aria-label", `{{number}}`));
  at("latent-sliders").replaceChildren(...latent.inputs.map(({ label }) => label));
}

function followPointer(event) {
  const box = at("latent-map").getBoundingClientRect();
  const scale = (2 * REACH * MAP) / (MAP - 1); // the outer pictures have their middles at the reach
  const value = (share) => clamp((share - 0.5) * scale, -REACH, REACH);
  setCoordinates({ 0: value((event.clientX - box.x) / box.width), 1: -value((event.clientY - box.y) / box.height) });
}

async function startLatent() {
  const names = page.spaces.map(({ name, title }) => [name, title]), [[first]] = names;
  radios("latent-models", "latent-model", names, first, chooseSpace);
  await chooseSpace(first);
  const map = at("latent-map");
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    followPointer(event);
  });
  map.addEventListener("pointermove", (event) => {
    if (map.hasPointerCapture(event.pointerId)) followPointer(event);
  });
  map.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [k, sign] = step;
    setCoordinates({ [k]: clamp(pointOf(currentPlace())[k] + 0.25 * sign, -REACH, REACH) });
  });
  at("latent-surprise").addEventListener("click", surprise);
  at("latent-way").addEventListener("input", (event) => {
    running.delete(latent);
    setWay(event.target.value / 100);
  });
  onTheme(drawLatent);
}
