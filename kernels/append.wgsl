// append: rows of x into the pages of their sequences, one invocation per unit of a row; padding is left out.
// What lies outside the table or the state is not written: the caller checks, the shader only stays inside its buffers.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let unit = id.x;
  let row = id.y;
  let sequence = id.z;
  if (unit >= UNITS || i32(row) >= counts[sequence] || lengths[sequence] < 0) { return; }
  let at = u32(lengths[sequence]) + row;
  if (at >= TABLE * PAGE_ROWS) { return; }
  let page = pages[sequence * TABLE + at / PAGE_ROWS];
  if (page < 0 || page >= i32(PAGES)) { return; }
  let to = (u32(page) * PAGE_ROWS + at % PAGE_ROWS) * UNITS + unit;
  state[to] = state_t(x[(sequence * ROWS + row) * X_ROW + X_FIRST + unit]);
}
