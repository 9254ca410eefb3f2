// soft_cap: y = CAP * tanh(x / CAP); one workgroup per row. Beyond 15 tanh is 1 in f32, and some drivers overflow.
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  for (var c = lane; c < COLUMNS; c += THREADS) {
    let at = row * COLUMNS + c;
    y[at] = y_t(CAP * tanh(clamp(wide(x[at]) / CAP, wide(-15.0), wide(15.0))));
  }
}
