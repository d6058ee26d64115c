// Runs what gentut/report/network_export.py writes: networks trained with Keras, one input at a time.
// A value is { shape, data }, data a Float32Array in rows, the last axis running fastest.

const ACTIVATIONS = {
  linear: (v) => v,
  relu: (v) => (v > 0 ? v : 0),
  silu: (v) => v / (1 + Math.exp(-v)),
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  tanh: Math.tanh,
  gelu: (v) => (v / 2) * (1 + erf(v / Math.SQRT2)),
};

// Abramowitz & Stegun (1964), formula 7.1.26; wrong by 1.5e-7 at most.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const terms = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
  const y = 1 - terms.reduce((sum, c) => (sum + c) * t, 0) * Math.exp(-x * x);
  return x < 0 ? -y : y;
}

// The file ---------------------------------------------------------------------------------

const ALPHABET =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";

function fromBase85(text) {
  const values = new Uint8Array(128);
  for (let i = 0; i < 85; i++) values[ALPHABET.charCodeAt(i)] = i;
  const bytes = new Uint8Array((text.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0, o = 0; i < text.length; o += 4) {
    let word = 0;
    for (const end = i + 5; i < end; i++) word = word * 85 + values[text.charCodeAt(i)];
    view.setUint32(o, word);
  }
  return bytes;
}

function fromHalf(bits) {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
}

// Text -> the content that was packed, and `arrays`: Float32Arrays of the weights.
async function unpack(text) {
  const packed = fromBase85(text.slice(1));
  const blob = new Blob([packed.subarray(0, packed.length - Number(text[0]))]);
  const stream = blob.stream().pipeThrough(new DecompressionStream("deflate"));
  const file = new Uint8Array(await new Response(stream).arrayBuffer());
  const view = new DataView(file.buffer);
  const length = view.getUint32(0, true);
  const content = JSON.parse(new TextDecoder().decode(file.subarray(4, 4 + length)));
  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  let byte = 4 + length;
  let half = byte;
  for (const shape of content.shapes) if (shape.length > 1) half += size(shape);
  const halves = (count) => {
    const numbers = Float32Array.from({ length: count }, (_, i) => fromHalf(view.getUint16(half + 2 * i, true)));
    half += 2 * count;
    return numbers;
  };
  content.arrays = content.shapes.map((shape) => {
    if (shape.length < 2) return halves(size(shape));
    const steps = halves(shape.at(-1));
    const array = new Float32Array(size(shape));
    for (let i = 0; i < array.length; i++) array[i] = view.getInt8(byte + i) * steps[i % steps.length];
    byte += array.length;
    return array;
  });
  return content;
}

// The sums that cost the time ----------------------------------------------------------------

// y += x · W, for `ins` numbers of x and a matrix of `outs` columns; four rows of it at once.
function accumulate(y, yAt, x, xAt, W, wAt, ins, outs) {
  let i = 0;
  for (; i + 3 < ins; i += 4) {
    const a = x[xAt + i], b = x[xAt + i + 1], c = x[xAt + i + 2], d = x[xAt + i + 3];
    if (a === 0 && b === 0 && c === 0 && d === 0) continue; // frequent after "relu"
    const p = wAt + i * outs, q = p + outs, r = q + outs, s = r + outs;
    for (let j = 0; j < outs; j++) y[yAt + j] += a * W[p + j] + b * W[q + j] + c * W[r + j] + d * W[s + j];
  }
  for (; i < ins; i++) {
    const a = x[xAt + i], p = wAt + i * outs;
    for (let j = 0; j < outs; j++) y[yAt + j] += a * W[p + j];
  }
}

// Every row of the last axis times a matrix, plus a bias.
function rowsTimes(data, ins, kernel, bias, outs) {
  const rows = data.length / ins;
  const y = new Float32Array(rows * outs);
  for (let row = 0; row < rows; row++) {
    if (bias) y.set(bias, row * outs);
    accumulate(y, row * outs, data, row * ins, kernel, 0, ins, outs);
  }
  return y;
}

// The plain one goes from fine pixels to coarse ones, the transposed one the other way.
function convolve(step, x, kernel, bias, transposed) {
  const [height, width, ins] = x.shape;
  const [rows, columns, outs] = step.shape;
  const { size, stride } = step;
  const y = new Float32Array(rows * columns * outs);
  if (bias) for (let p = 0; p < y.length; p += outs) y.set(bias, p);
  const before = (fine, coarse) => Math.max((coarse - 1) * stride + size - fine, 0) >> 1;
  const top = transposed ? before(rows, height) : before(height, rows);
  const left = transposed ? before(columns, width) : before(width, columns);
  const coarseRows = transposed ? height : rows, coarseColumns = transposed ? width : columns;
  const fineRows = transposed ? rows : height, fineColumns = transposed ? columns : width;
  for (let i = 0; i < coarseRows; i++) {
    for (let j = 0; j < coarseColumns; j++) {
      const coarse = i * coarseColumns + j;
      for (let a = 0; a < size; a++) {
        const r = i * stride + a - top;
        if (r < 0 || r >= fineRows) continue;
        for (let b = 0; b < size; b++) {
          const s = j * stride + b - left;
          if (s < 0 || s >= fineColumns) continue;
          const fine = r * fineColumns + s;
          const [to, from] = transposed ? [fine, coarse] : [coarse, fine];
          accumulate(y, to * outs, x.data, from * ins, kernel, (a * size + b) * ins * outs, ins, outs);
        }
      }
    }
  }
  return y;
}

function attention(step, arrays, [queries, context, mask]) {
  const width = queries.shape[1];
  const part = (name, x) => rowsTimes(x.data, width, arrays[step[name][0]], arrays[step[name][1]], width);
  const q = part("query", queries), k = part("key", context), v = part("value", context);
  const n = queries.shape[0], m = context.shape[0], size = width / step.heads;
  const mixed = new Float32Array(n * width);
  const shares = new Float64Array(m);
  for (let head = 0; head < step.heads; head++) {
    const at = head * size;
    for (let i = 0; i < n; i++) {
      let largest = -Infinity;
      for (let j = 0; j < m; j++) {
        let sum = 0;
        for (let c = 0; c < size; c++) sum += q[i * width + at + c] * k[j * width + at + c];
        shares[j] = mask && !mask.data[j] ? -1e9 : sum / Math.sqrt(size);
        largest = Math.max(largest, shares[j]);
      }
      let total = 0;
      for (let j = 0; j < m; j++) total += shares[j] = Math.exp(shares[j] - largest);
      for (let j = 0; j < m; j++) {
        const share = shares[j] / total;
        if (share) for (let c = 0; c < size; c++) mixed[i * width + at + c] += share * v[j * width + at + c];
      }
    }
  }
  return rowsTimes(mixed, width, arrays[step.out[0]], arrays[step.out[1]], width);
}

// The small operations -----------------------------------------------------------------------

const PAIRS = {
  add: (a, b) => a + b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  maximum: Math.max,
  differs: (a, b) => Number(a !== b),
};

// For each place of `shape`, the place in a value whose axes of length 1 are repeated.
function places(shape, own) {
  const padded = [...Array(shape.length - own.length).fill(1), ...own];
  const result = new Int32Array(shape.reduce((a, b) => a * b, 1));
  let block = 1, ownBlock = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    for (let i = 0; i < result.length; i++) {
      if (padded[axis] > 1) result[i] += (Math.floor(i / block) % shape[axis]) * ownBlock;
    }
    block *= shape[axis];
    ownBlock *= padded[axis];
  }
  return result;
}

function pairwise(step, values) {
  const f = PAIRS[step.do];
  return values.slice(1).reduce((left, right) => {
    const y = new Float32Array(step.shape.reduce((a, b) => a * b, 1));
    const seat = (x) => {
      if (x.data.length === y.length) return null;
      return ((step.seats ??= {})[x.shape] ??= places(step.shape, x.shape));
    };
    const p = seat(left), q = seat(right);
    for (let i = 0; i < y.length; i++) y[i] = f(left.data[p ? p[i] : i], right.data[q ? q[i] : i]);
    return { shape: step.shape, data: y };
  }, values[0]).data;
}

// Splits an array into [what lies before the axis, the axis, what lies behind it].
function around(shape, axis) {
  const product = (part) => part.reduce((a, b) => a * b, 1);
  return [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
}

function concatenate(step, values) {
  const [outer] = around(step.shape, step.axis);
  const y = new Float32Array(step.shape.reduce((a, b) => a * b, 1));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { data } of values) {
      const length = data.length / outer;
      y.set(data.subarray(o * length, (o + 1) * length), at);
      at += length;
    }
  }
  return y;
}

function take(x, ranges) {
  return ranges.reduce(
    ({ shape, data }, [start, stop], axis) => {
      const [outer, size, inner] = around(shape, axis);
      const length = (stop - start) * inner;
      const y = new Float32Array(outer * length);
      for (let o = 0; o < outer; o++) {
        const from = (o * size + start) * inner;
        y.set(data.subarray(from, from + length), o * length);
      }
      return { shape: shape.with(axis, stop - start), data: y };
    },
    x,
  ).data;
}

function sum(x, axis) {
  const [outer, size, inner] = around(x.shape, axis);
  const y = new Float32Array(outer * inner);
  for (let o = 0; o < outer; o++)
    for (let k = 0; k < size; k++)
      for (let i = 0; i < inner; i++) y[o * inner + i] += x.data[(o * size + k) * inner + i];
  return y;
}

function layerNormalization(x, gamma, beta, epsilon) {
  const width = x.shape.at(-1);
  const y = new Float32Array(x.data.length);
  for (let at = 0; at < y.length; at += width) {
    let mean = 0, square = 0;
    for (let i = 0; i < width; i++) mean += x.data[at + i] / width;
    for (let i = 0; i < width; i++) square += (x.data[at + i] - mean) ** 2 / width;
    const scale = 1 / Math.sqrt(square + epsilon);
    for (let i = 0; i < width; i++) {
      y[at + i] = (x.data[at + i] - mean) * scale * (gamma ? gamma[i] : 1) + (beta ? beta[i] : 0);
    }
  }
  return y;
}

function timeFeatures(time, octaves) {
  const angles = Array.from({ length: octaves }, (_, i) => (time * Math.PI * 2 ** i) / 2);
  return Float32Array.of(time, ...angles.map(Math.sin), ...angles.map(Math.cos));
}

// a·x + b·rest with a and b of gentut.paths.gaussian_terms, for the straight path and the velocity.
function fromGaussian([rest, points, time], spread) {
  const t = time.data[0];
  const variance = (t * spread) ** 2 + (1 - t) ** 2;
  const a = (t * spread ** 2 - (1 - t)) / variance;
  const b = spread / Math.sqrt(variance);
  return points.data.map((x, i) => a * x + b * rest.data[i]);
}

const STEPS = {
  dense: (step, [x], array) =>
    rowsTimes(x.data, x.shape.at(-1), array(step.kernel), array(step.bias), step.shape.at(-1)),
  convolution: (step, [x], array) => convolve(step, x, array(step.kernel), array(step.bias), false),
  "transposed convolution": (step, [x], array) => convolve(step, x, array(step.kernel), array(step.bias), true),
  "look up": (step, [x], array) => {
    const rows = array(step.rows), width = step.shape.at(-1);
    const y = new Float32Array(x.data.length * width);
    x.data.forEach((row, i) => y.set(rows.subarray(row * width, (row + 1) * width), i * width));
    return y;
  },
  "add learned": (step, [x], array) => x.data.map((v, i) => v + array(step.array)[i]),
  "scale and shift": (step, [x], array) => {
    const scale = array(step.scale), shift = array(step.shift);
    return x.data.map((v, i) => v * scale[i % scale.length] + shift[i % scale.length]);
  },
  "layer normalization": (step, [x], array) =>
    layerNormalization(x, array(step.gamma), array(step.beta), step.epsilon),
  attention: (step, values, array, arrays) => attention(step, arrays, values),
  activation: (step, [x]) => x.data.slice(),
  rescale: (step, [x]) => x.data.map((v) => v * step.scale + step.offset),
  "time features": (step, [x]) => timeFeatures(x.data[0], step.octaves),
  "from gaussian": (step, values) => fromGaussian(values, step.spread),
  concatenate: (step, values) => concatenate(step, values),
  take: (step, [x]) => take(x, step.ranges),
  sum: (step, [x]) => sum(x, step.axis),
  ones: (step, [x]) => x.data.map(() => 1),
  same: (step, [x]) => x.data,
};
for (const name of Object.keys(PAIRS)) STEPS[name] = pairwise;

// program: of network_export.program; inputs: one array of numbers for each input -> the output's numbers.
function runNetwork(program, arrays, inputs) {
  const values = inputs.map((data, i) => ({ shape: program.inputs[i], data: Float32Array.from(data) }));
  const array = (index) => (index === null ? null : arrays[index]);
  for (const step of program.steps) {
    const given = step.inputs.map((i) => i.number === undefined ? values[i] : { shape: [], data: [i.number] });
    const data = STEPS[step.do](step, given, array, arrays);
    if (step.activation && step.activation !== "linear") {
      const f = ACTIVATIONS[step.activation];
      for (let i = 0; i < data.length; i++) data[i] = f(data[i]);
    }
    values[step.output] = { shape: step.shape, data };
  }
  return values[program.output].data;
}
