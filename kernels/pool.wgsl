// pool: one vector per sequence; a workgroup of TOKEN_LANES x 16 takes 16 columns of one sequence.
// MODE numbers are those of pool.h: 0 mean, 1 first token, 2 max, 3 sum over sqrt of count, 4 last attended token, 5 weighted mean.
var<workgroup> sums: array<array<f32, 16>, TOKEN_LANES>;
var<workgroup> weights: array<array<f32, 16>, TOKEN_LANES>;

fn attended(at: u32) -> bool {
//#if HAS_mask
  return mask[at] != 0;
//#else
  return true;
//#end
}

@compute @workgroup_size(16, TOKEN_LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>) {
  let batch = group.y;
  let column = group.x * 16u + lane.x;
  let shown = min(column, COLUMNS - 1u);
  var sum = 0.0;
  var weight = 0.0;
  if (MODE == 2) { sum = -1e9; }
  for (var s = lane.y; s < SEQUENCE; s += TOKEN_LANES) {
    let at = batch * SEQUENCE + s;
    let v = f32(x[at * COLUMNS + shown]);
    if (MODE == 1) {
      if (s == 0u) { sum = v; }
    } else if (MODE == 4 && s == 0u) {
      sum = v;  // also when no token is attended
      weight = select(0.0, 1.0, attended(at));
    } else if (attended(at)) {
      if (MODE == 2) {
        sum = max(sum, v);
      } else if (MODE == 4) {
        sum = v;
        weight = f32(s + 1u);
      } else {
        let w = select(1.0, f32(s + 1u), MODE == 5);
        sum += w * v;
        weight += w;
      }
    }
  }
  sums[lane.y][lane.x] = sum;
  weights[lane.y][lane.x] = weight;
  workgroupBarrier();
  if (lane.y != 0u || column >= COLUMNS) { return; }
  for (var i = 1u; i < TOKEN_LANES; i++) {
    let other = sums[i][lane.x];
    let other_weight = weights[i][lane.x];
    if (MODE == 2) {
      sum = max(sum, other);
    } else if (MODE == 4) {
      if (other_weight > weight) { sum = other; weight = other_weight; }
    } else {
      sum += other;
      weight += other_weight;
    }
  }
  if (MODE == 0 || MODE == 5) { sum /= max(weight, 1e-9); }
  if (MODE == 3) { sum /= sqrt(max(weight, 1e-9)); }
  y[batch * COLUMNS + column] = y_t(sum);
}
