// A GAN on points in the plane, small enough to train in the page, with gradients written by hand.
// Goodfellow et al. 2014, the non-saturating loss. A generator that moves often against a discriminator
// that hardly moves collapses (their section 6, "the Helvetica scenario").

// Numbers from a seed (Marsaglia 2003), so that a run can be repeated: uniform, and normal ones.
function randomNumbers(seed) {
  let x = seed >>> 0 || 1;
  const uniform = () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return ((x >>>= 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) uniform();
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal, normals: (n) => Float64Array.from({ length: n }, normal) };
}

const LEAK = 0.2; // slope of the leaky rectifier below 0
const sigmoid = (v) => 1 / (1 + Math.exp(-v));
const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));

// Dense layers with leaky rectifiers between them: { ins, outs, W (ins × outs), b } each.
function makeLayers(sizes, normal) {
  return sizes.slice(1).map((outs, k) => {
    const ins = sizes[k];
    const W = Float64Array.from({ length: ins * outs }, () => normal() * Math.sqrt(2 / ins));
    return { ins, outs, W, b: new Float64Array(outs) };
  });
}

// Points (n rows) -> what each layer gives out; the last is the answer.
function forward(layers, x, n) {
  const outputs = [x];
  layers.forEach(({ ins, outs, W, b }, k) => {
    const y = new Float64Array(n * outs);
    for (let s = 0; s < n; s++) {
      y.set(b, s * outs);
      for (let i = 0; i < ins; i++) {
        const v = x[s * ins + i];
        for (let j = 0; j < outs; j++) y[s * outs + j] += v * W[i * outs + j];
      }
    }
    if (k < layers.length - 1) for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] *= LEAK;
    outputs.push((x = y));
  });
  return outputs;
}

// From gradients at the answer to those of all weights and of the points that went in.
function backward(layers, outputs, gradient, n) {
  const weights = [];
  for (let k = layers.length - 1; k >= 0; k--) {
    const { ins, outs, W } = layers[k], x = outputs[k], y = outputs[k + 1];
    const own = { W: new Float64Array(W.length), b: new Float64Array(outs) };
    const below = new Float64Array(n * ins);
    if (k < layers.length - 1) for (let i = 0; i < y.length; i++) if (y[i] < 0) gradient[i] *= LEAK;
    for (let s = 0; s < n; s++) {
      for (let j = 0; j < outs; j++) own.b[j] += gradient[s * outs + j];
      for (let i = 0; i < ins; i++) {
        const v = x[s * ins + i], at = i * outs, g = s * outs;
        let sum = 0;
        for (let j = 0; j < outs; j++) {
          own.W[at + j] += v * gradient[g + j];
          sum += W[at + j] * gradient[g + j];
        }
        below[s * ins + i] = sum;
      }
    }
    weights[k] = own;
    gradient = below;
  }
  return { weights, points: gradient };
}

// One step of Adam (Kingma & Ba 2015).
function adamStep(layers, gradients, rate, time, beta1 = 0.5, beta2 = 0.99) {
  layers.forEach((layer, k) => {
    for (const name of ["W", "b"]) {
      const g = gradients[k][name], w = layer[name];
      const m = (layer["m" + name] ??= new Float64Array(g.length));
      const v = (layer["v" + name] ??= new Float64Array(g.length));
      for (let i = 0; i < g.length; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        w[i] -= (rate * (m[i] / (1 - beta1 ** time))) / (Math.sqrt(v[i] / (1 - beta2 ** time)) + 1e-8);
      }
    }
  });
}

// Real points: small clouds around these centres.
const CLOUD = 0.04;
const SHAPES = {
  ring: Array.from({ length: 8 }, (_, k) => [Math.cos((k * Math.PI) / 4), Math.sin((k * Math.PI) / 4)]),
  grid: Array.from({ length: 9 }, (_, k) => [((k % 3) - 1) * 0.9, (Math.floor(k / 3) - 1) * 0.9]),
};

class PlaneGan {
  constructor(seed, shape, { batch = 64, width = 24, rate = 5e-3 } = {}) {
    this.random = randomNumbers(seed);
    this.centres = SHAPES[shape];
    this.batch = batch;
    this.rate = rate;
    this.moves = 1; // of the generator, for each of the discriminator
    this.steps = this.generatorSteps = 0;
    this.generator = makeLayers([2, width, width, 2], this.random.normal);
    this.discriminator = makeLayers([2, width, width, 1], this.random.normal);
  }

  realPoints(n) {
    const points = this.random.normals(2 * n);
    for (let s = 0; s < n; s++) {
      const centre = this.centres[Math.floor(this.random.uniform() * this.centres.length)];
      for (const axis of [0, 1]) points[2 * s + axis] = centre[axis] + CLOUD * points[2 * s + axis];
    }
    return points;
  }

  generate(noise) {
    return forward(this.generator, noise, noise.length / 2).at(-1);
  }

  // The discriminator's scores: above 0 it takes a point for real.
  scores(points) {
    return forward(this.discriminator, points, points.length / 2).at(-1);
  }

  // One round: the discriminator moves once, the generator `moves` times. Returns their losses in nats.
  step() {
    const n = this.batch, D = this.discriminator;
    // One pass for both kinds of points: the real ones first, n of each.
    const points = new Float64Array(4 * n);
    points.set(this.realPoints(n));
    points.set(this.generate(this.random.normals(2 * n)), 2 * n);
    const outputs = forward(D, points, 2 * n), scores = outputs.at(-1).slice();
    const wish = scores.map((s, i) => (i < n ? -sigmoid(-s) : sigmoid(s)) / n);
    adamStep(D, backward(D, outputs, wish, 2 * n).weights, this.rate, ++this.steps);
    let judged;
    for (let move = 0; move < this.moves; move++) judged = this.generatorStep();
    const mean = (some, f) => some.reduce((sum, s) => sum + f(s), 0) / n;
    return {
      discriminator: mean(scores.slice(0, n), (s) => softplus(-s)) + mean(scores.slice(n), softplus),
      generator: mean(judged, (s) => softplus(-s)),
    };
  }

  generatorStep() {
    const n = this.batch, D = this.discriminator, G = this.generator;
    const drawn = forward(G, this.random.normals(2 * n), n), judged = forward(D, drawn.at(-1), n);
    const scores = judged.at(-1).slice();
    const pull = backward(D, judged, scores.map((s) => -sigmoid(-s) / n), n).points;
    adamStep(G, backward(G, drawn, pull, n).weights, this.rate, ++this.generatorSteps);
    return scores;
  }

  // How many centres have at least `least` of the points within three widths of a cloud.
  reached(points, least = 0.02) {
    const counts = this.centres.map(() => 0);
    for (let s = 0; s < points.length; s += 2) {
      const k = this.centres.findIndex(([x, y]) => Math.hypot(points[s] - x, points[s + 1] - y) < 3.5 * CLOUD);
      if (k >= 0) counts[k] += 1;
    }
    return counts.filter((count) => count >= (least * points.length) / 2).length;
  }
}
