// rope: rotates the first ROTARY numbers of each of HEADS heads by their position; one workgroup per token.
// A frequency comes as turns per position in fixed point: 32 bits, then 16 more. A whole turn is 2^32, so that whole
// turns vanish in the overflow of exact integers: positions to 2^17 leave an error of at most 2^-31 of a turn, others
// up to 2^14 times that. What is left of a quarter turn is in f32, and its sine and cosine are within 2e-7: the
// built-in ones may be 2^-11 off.
const HALF = ROTARY / 2;
var<workgroup> turns: array<vec2<f32>, HALF>;

fn cosine_and_sine(position: i32, hi: u32, lo: u32) -> vec2<f32> {
  let p = select(u32(position), 0u - u32(position), position < 0);
  let angle = p * hi + (p >> 16u) * lo + (((p & 0xffffu) * lo) >> 16u);
  let quarter = (angle + 0x20000000u) >> 30u;
  let a = f32(i32(angle - (quarter << 30u))) * 1.4629180792671596e-9;  // 2 pi / 2^32: within an eighth of a turn
  let b = a * a;
  let s = a + a * b * (-0.16666667 + b * (0.008333334 + b * (-0.0001984127 + b * 2.7557319e-6)));
  let c = 1.0 + b * (-0.5 + b * (0.041666668 + b * (-0.0013888889 + b * 2.4801588e-5)));
  var turn = select(vec2<f32>(c, s), vec2<f32>(-s, c), (quarter & 1u) != 0u);
  turn = select(turn, -turn, (quarter & 2u) != 0u);
  return vec2<f32>(turn.x, select(turn.y, -turn.y, position < 0));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  for (var i = lane; i < HALF; i += THREADS) {
    turns[i] = cosine_and_sine(positions[row], u32(frequencies[2u * i]), u32(frequencies[2u * i + 1u])) * FACTOR;
  }
  workgroupBarrier();
  for (var c = lane; c < COLUMNS; c += THREADS) {
    let at = row * COLUMNS + c;
    let within = c % HEAD_DIM;
    var v = f32(x[at]);
    if (c < HEADS * HEAD_DIM && within < HALF) {
      v = v * turns[within].x - f32(x[at + HALF]) * turns[within].y;
    } else if (c < HEADS * HEAD_DIM && within < ROTARY) {
      v = v * turns[within - HALF].x + f32(x[at - HALF]) * turns[within - HALF].y;
    }
    y[at] = y_t(v);
  }
}
