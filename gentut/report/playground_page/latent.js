// Experiment 1: moving through the latent spaces of the VAEs and GANs of the page.
// A place is { z, from, to, share }: the latent, and a class that lies that far between two.

const MAP = 7; // pictures along each side of the map
const REACH = 2.5; // of the map, in standard deviations
const SLIDERS = 8;

const latent = { random: randomNumbers(Date.now()), start: null, goal: null, way: 1, mark: null };

async function chooseSpace(name) {
  const file = await loadModel(name);
  latent.space = { name, ...page.spaces.find((space) => space.name === name), file };
  if (latent.space.labels) addBlendRows(file, latent.space.classes.length);
  latent.axes = makeAxes(latent.space, file);
  at("latent-about").textContent = latent.space.about;
  at("latent-emoji-note").hidden = latent.space.codes === null;
  latent.mark = pressButtons("latent-classes", latent.space.classes, goToClass);
  at("latent-classes").hidden = latent.space.classes.length === 0;
  makeSliders();
  latent.start = latent.goal = newPlace(0);
  latent.stripStale = true;
  setWay(1);
  drawLatent();
}

// One more row in each table of classes, for a class that lies between two.
function addBlendRows(file, classes) {
  for (const step of file.program.steps) {
    if (step.do !== "look up" || file.arrays[step.rows].length !== classes * step.shape.at(-1)) continue;
    const table = new Float32Array(file.arrays[step.rows].length + step.shape.at(-1));
    table.set(file.arrays[step.rows]);
    file.arrays[step.rows] = table;
  }
}

function blendClass(file, { from, to, share }, classes) {
  for (const step of file.program.steps) {
    if (step.do !== "look up") continue;
    const table = file.arrays[step.rows], width = step.shape.at(-1);
    for (let i = 0; i < width; i++) {
      table[classes * width + i] = (1 - share) * table[from * width + i] + share * table[to * width + i];
    }
  }
  return classes;
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

// A random place; of a model with stored codes, one of them.
function newPlace(label) {
  const { space, random } = latent;
  if (space.codes === null) return { z: Float32Array.from(random.normals(space.dim)), from: label, to: label, share: 1 };
  const own = space.code_classes.flatMap((k, i) => (k === label ? [i] : []));
  const chosen = own[Math.floor(random.uniform() * own.length)];
  const codes = latent.space.file.arrays[space.codes];
  return { z: codes.slice(chosen * space.dim, (chosen + 1) * space.dim), from: label, to: label, share: 1 };
}

function between(a, b, share) {
  return { z: a.z.map((v, i) => v + share * (b.z[i] - v)), from: a.to, to: b.to, share };
}

function decode(place) {
  const { file, labels, classes } = latent.space;
  const inputs = labels ? [place.z, [blendClass(file, place, classes.length)]] : [place.z];
  const values = runNetwork(file.program, file.arrays, inputs);
  return latent.space.logits ? values.map(ACTIVATIONS.sigmoid) : values;
}

const currentPlace = () => between(latent.start, latent.goal, latent.way);

// Moves ----------------------------------------------------------------------------------------

function goTo(place) {
  latent.start = currentPlace();
  latent.start.to = latent.goal.to; // of a class between two, the walk begins at the nearer one
  latent.goal = place;
  latent.stripStale = true;
  animate(latent, 1.2, setWay);
}

function goToClass(label) {
  goTo(latent.space.codes === null ? { ...latent.goal, from: label, to: label } : newPlace(label));
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
  const z = Object.entries(values).reduce((z, [k, value]) => moved(z, latent.axes[k], value), place.z);
  if (latent.way < 1) latent.start = place;
  latent.goal = { ...latent.goal, z };
  latent.way = 1;
  latent.stripStale = true;
  drawLatent();
}

// Drawing --------------------------------------------------------------------------------------

const drawLatent = oncePerFrame(() => {
  const { space, axes } = latent;
  const place = currentPlace(), values = decode(place);
  const canvas = at("latent-picture");
  paint(canvas.getContext("2d"), values, space.shape, 0, 0, canvas.width);
  const name = (k) => space.classes[k] ?? "";
  const kind = place.from === place.to || latent.way === 1 ? name(place.to) : `{{between}}`;
  const text = `{{latent_kind}}`;
  canvas.setAttribute("aria-label", text);
  const caption = at("latent-caption"); // read aloud when it changes
  if (caption.textContent !== text + "{{stop}}") caption.textContent = text + "{{stop}}";
  latent.mark(space.classes.length ? place.to : -1);
  const percent = Math.round(100 * latent.way);
  at("latent-way").value = percent;
  at("latent-way").setAttribute("aria-valuetext", `{{percent}}`);
  at("latent-way-value").textContent = `${percent} %`;
  latent.inputs.forEach(({ input, output }, k) => {
    const value = coordinate(place.z, axes[k]);
    input.value = value;
    output.textContent = value.toFixed(1);
  });
  drawMap(place);
  if (latent.stripStale || !latent.strip) refreshStrip();
});

// The pictures of the map, which stay as they are while only its two numbers change.
function drawMap(place) {
  const canvas = at("latent-map"), context = canvas.getContext("2d");
  const { axes, space } = latent;
  const rest = moved(moved(place.z, axes[0], 0), axes[1], 0);
  const key = `${space.name} ${place.from} ${place.to} ${place.share.toFixed(2)} ${rest.map((v) => v.toFixed(2))}`;
  if (latent.map?.key !== key) latent.map = { key, place: { ...place, z: rest }, tiles: [], busy: latent.map?.busy };
  const [x, y] = [0, 1].map((k) => clamp(coordinate(place.z, axes[k]), -REACH, REACH));
  paintMap(context, canvas.width, [x, y]);
  if (latent.map.tiles.length < MAP * MAP && !latent.map.busy) fillMap(canvas, context);
  canvas.setAttribute("aria-label", `{{map_now}}`);
}

function paintMap(context, side, point) {
  const tile = side / MAP;
  latent.map.point = point;
  context.fillStyle = colour("panel");
  context.fillRect(0, 0, side, side);
  latent.map.tiles.forEach((values, i) =>
    paint(context, values, latent.space.shape, (i % MAP) * tile, Math.floor(i / MAP) * tile, tile));
  const [px, py] = point.map((v, k) => ((((k ? -v : v) / REACH) * (MAP - 1)) / MAP / 2 + 0.5) * side);
  for (const [radius, fill] of [[13, "#fff"], [10, "#000"], [8, "#e69f00"]]) {
    context.beginPath();
    context.arc(px, py, radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
  }
}

// A few pictures in each frame, so that the page goes on answering.
async function fillMap(canvas, context) {
  latent.map.busy = true;
  for (;;) {
    await nextFrame();
    const map = latent.map, until = performance.now() + 10;
    do {
      if (map.tiles.length === MAP * MAP) break;
      const i = map.tiles.length;
      const value = (k) => ((2 * k) / (MAP - 1) - 1) * REACH;
      const z = moved(moved(map.place.z, latent.axes[0], value(i % MAP)), latent.axes[1], -value(Math.floor(i / MAP)));
      map.tiles.push(decode({ ...map.place, z }));
    } while (performance.now() < until);
    paintMap(context, canvas.width, map.point);
    if (map.tiles.length === MAP * MAP) break;
  }
  latent.map.busy = false;
}

function refreshStrip() {
  const canvas = at("latent-strip"), context = canvas.getContext("2d"), count = 9;
  const side = Math.min(canvas.height, canvas.width / count - 4);
  const mine = (latent.strip = {});
  latent.stripStale = false;
  context.clearRect(0, 0, canvas.width, canvas.height);
  (async () => {
    for (let i = 0; i < count; i++) {
      await nextFrame();
      if (latent.strip !== mine) return;
      const values = decode(between(latent.start, latent.goal, i / (count - 1)));
      paint(context, values, latent.space.shape, (i * (canvas.width - side)) / (count - 1), 0, side);
    }
  })();
}

// Controls -------------------------------------------------------------------------------------

function makeSliders() {
  const count = Math.min(SLIDERS, latent.axes.length);
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

function startLatent() {
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
    setCoordinates({ [k]: clamp(latent.map.point[k] + 0.25 * sign, -REACH, REACH) });
  });
  at("latent-surprise").addEventListener("click", surprise);
  at("latent-way").addEventListener("input", (event) => {
    running.delete(latent);
    setWay(event.target.value / 100);
  });
  radios("latent-models", "latent-model", page.spaces.map(({ name, title }) => [name, title]), page.spaces[0].name, chooseSpace);
  return chooseSpace(page.spaces[0].name);
}
