// select_rows: y[r, :] = x[rows[r], :]; row numbers are clamped to what x holds.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = group.y * 32768u + group.x;
  if (r >= PICKED) { return; }
  let row = u32(clamp(rows[r], 0, i32(X_ROWS) - 1));
  for (var c = lane; c < COLUMNS; c += 64u) { y[r * COLUMNS + c] = y_t(x[row * COLUMNS + c]); }
}
