// scale: y = x * FACTOR; one workgroup per row.
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  for (var c = lane; c < COLUMNS; c += THREADS) {
    let at = row * COLUMNS + c;
    y[at] = y_t(wide(x[at]) * FACTOR);
  }
}
