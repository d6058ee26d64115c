// Experiment 2: the game of plane_gan.js, drawn.

const VIEW = 1.6; // the plane is shown from -VIEW to VIEW
const GROUND = 36; // squares of the ground along each side
const WORK = 12; // milliseconds of training in a frame
const MEASURE = 10; // rounds between two points of the charts
const SHOWN = 300; // made points

const game = { going: false, seed: 1, shape: "ring", moves: 1 };

function newGame() {
  game.gan = new PlaneGan(game.seed++, game.shape);
  game.gan.moves = game.moves;
  game.noise = game.gan.random.normals(2 * SHOWN); // the same noise all the time: points move, and do not jump
  game.real = game.gan.realPoints(SHOWN);
  game.history = [];
  measureGame({ discriminator: 2 * Math.LN2, generator: Math.LN2 });
  drawGame();
  tellGame();
}

function measureGame(losses) {
  game.made = game.gan.generate(game.noise);
  game.history.push({ round: game.gan.steps, reached: game.gan.reached(game.made), moves: game.gan.moves, ...losses });
}

function tellGame() {
  const { round, reached } = game.history.at(-1);
  at("game-status").textContent = `{{game_round}}`;
}

async function play() {
  if (game.playing) return; // paused and started again within a frame
  game.playing = true;
  let told = performance.now();
  while (game.going) {
    await nextFrame();
    if (!isSeen("game")) continue;
    const until = performance.now() + WORK;
    while (performance.now() < until) {
      const losses = game.gan.step();
      if (game.gan.steps % MEASURE === 0) measureGame(losses);
    }
    drawGame();
    if (performance.now() - told < 1500) continue; // a screen reader could not follow more
    told = performance.now();
    tellGame();
  }
  game.playing = false;
  tellGame();
}

function setGoing(going) {
  game.going = going;
  if (going) play();
  at("game-start").textContent = going ? "{{game_pause}}" : "{{game_start}}";
}

// Drawing --------------------------------------------------------------------------------------

const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

function gameColours() {
  const names = ["real-ground", "fake-ground", "even", "ink", "made", "real", "fake", "soft", "panel", "line"];
  return Object.fromEntries(names.map((name) => [name, colour(name)]));
}

function drawGame() {
  game.colours ??= gameColours();
  drawPlane(at("game-plane"), game.colours);
  const last = Math.max(200, game.history.at(-1).round), all = game.gan.centres.length;
  drawChart(at("game-clouds"), last, all, [0, all], [], [["reached", "ink", [], "{{game_reached}}"]]);
  drawChart(at("game-losses"), last, 3, [0, 1, 2, 3], [2 * Math.LN2, Math.LN2],
    [["discriminator", "real", [], "{{discriminator}}"], ["generator", "fake", [8, 5], "{{generator}}"]]);
}

function drawPlane(canvas, colours) {
  const context = canvas.getContext("2d"), side = canvas.width;
  const place = (v) => ((v / VIEW + 1) / 2) * side;
  const points = new Float64Array(2 * GROUND * GROUND);
  for (let i = 0; i < GROUND * GROUND; i++) {
    points[2 * i] = (((i % GROUND) + 0.5) / GROUND * 2 - 1) * VIEW;
    points[2 * i + 1] = (1 - ((Math.floor(i / GROUND) + 0.5) / GROUND) * 2) * VIEW;
  }
  const [real, fake, even] = ["real-ground", "fake-ground", "even"].map((name) => parts(colours[name]));
  scratch.width = scratch.height = GROUND;
  const inner = scratch.getContext("2d"), image = inner.createImageData(GROUND, GROUND);
  game.gan.scores(points).forEach((score, i) => {
    const belief = Math.tanh(1.5 * score), end = belief > 0 ? real : fake; // 0 where it cannot tell
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = even[c] + Math.abs(belief) * (end[c] - even[c]);
    image.data[4 * i + 3] = 255;
  });
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(scratch, 0, 0, side, side);
  context.strokeStyle = colours.ink;
  context.globalAlpha = 0.55;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let s = 0; s < game.real.length; s += 2) {
    const x = place(game.real[s]), y = side - place(game.real[s + 1]);
    context.moveTo(x - 4, y);
    context.lineTo(x + 4, y);
    context.moveTo(x, y - 4);
    context.lineTo(x, y + 4);
  }
  context.stroke();
  context.globalAlpha = 1;
  for (let s = 0; s < game.made.length; s += 2) {
    context.beginPath();
    context.arc(place(game.made[s]), side - place(game.made[s + 1]), 4, 0, 2 * Math.PI);
    context.fillStyle = colours.made;
    context.fill();
    context.strokeStyle = colours.panel;
    context.lineWidth = 1;
    context.stroke();
  }
  const { reached } = game.history.at(-1), all = game.gan.centres.length;
  canvas.setAttribute("aria-label", `{{game_plane_now}}`);
}

// A context in pixels of the page, whatever the window's width and the screen's density.
function sharpContext(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((v) => Math.round(v * devicePixelRatio));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  return context;
}

function drawChart(canvas, last, top, ticks, guides, lines) {
  const { colours, history } = game, context = sharpContext(canvas);
  const { clientWidth: wide, clientHeight: high } = canvas;
  const left = 30, bottom = high - 24, width = wide - left - 10, height = bottom - 12;
  const x = (round) => left + (round / last) * width;
  const y = (value) => bottom - (Math.min(value, top) / top) * height;
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, wide, high);
  context.font = "13px system-ui, sans-serif";
  context.fillStyle = colours.soft;
  context.textAlign = "right";
  for (const tick of ticks) context.fillText(tick, left - 8, y(tick) + 4);
  context.fillText(`{{game_last}}`, left + width, high - 6);
  const line = (points, name, dashes, thick) => {
    context.setLineDash(dashes);
    context.strokeStyle = colours[name];
    context.lineWidth = thick;
    context.beginPath();
    points.forEach(([px, py], i) => (i ? context.lineTo(px, py) : context.moveTo(px, py)));
    context.stroke();
    context.setLineDash([]);
  };
  line([[left, 12], [left, bottom], [left + width, bottom]], "soft", [], 1);
  for (const value of guides) line([[left, y(value)], [left + width, y(value)]], "soft", [2, 4], 1);
  for (const [key, name, dashes] of lines) {
    line(history.map((point) => [x(point.round), y(point[key])]), name, dashes, 2.5);
  }
  const final = history.at(-1);
  canvas.setAttribute("aria-label", lines.map(([key, , , text]) => `${text} ${final[key].toFixed(key === "reached" ? 0 : 2)}`).join("{{comma}}") + `{{game_at}}`);
}

function startGame() {
  at("game-start").addEventListener("click", () => setGoing(!game.going));
  at("game-again").addEventListener("click", newGame);
  const moves = [["1", "{{game_fair}}"], ["10", "{{game_ten}}"]];
  radios("game-moves", "game-move", moves, "1", (value) => {
    game.moves = game.gan.moves = Number(value);
  });
  const shapes = [["ring", "{{game_ring}}"], ["grid", "{{game_grid}}"]];
  radios("game-shapes", "game-shape", shapes, "ring", (value) => {
    game.shape = value;
    newGame();
  });
  newGame();
  addEventListener("resize", oncePerFrame(drawGame));
  onTheme(() => {
    game.colours = null;
    drawGame();
  });
}
