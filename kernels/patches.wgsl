// patches: a row of y is a piece of a picture, channel by channel and line by line; one workgroup per row.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  let place = row % PATCHES;
  let top = row / PATCHES * CHANNELS * HEIGHT + place / ACROSS * SIZE;
  let left = place % ACROSS * SIZE;
  for (var c = lane; c < COLUMNS; c += 64u) {
    let line = top + c / (SIZE * SIZE) * HEIGHT + c / SIZE % SIZE;
    y[row * COLUMNS + c] = y_t(x[line * WIDTH + left + c % SIZE]);
  }
}
