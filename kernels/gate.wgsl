// gate: y = activate(left half of x's row) * right half; COLUMNS of y per row, one workgroup per row.
//#include activation

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  for (var c = lane; c < COLUMNS; c += THREADS) {
    let at = row * 2u * COLUMNS + c;
    y[row * COLUMNS + c] = y_t(activate(act_f(x[at])) * act_f(x[at + COLUMNS]));
  }
}
