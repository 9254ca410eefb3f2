// copy_pages: whole pages of a state, one invocation per unit.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let unit = id.x;
  let source = source_pages[id.y];
  let target_page = target_pages[id.y];
  if (unit >= PAGE_UNITS || source == target_page) { return; }
  if (min(source, target_page) < 0 || max(source, target_page) >= i32(PAGES)) { return; }
  state[u32(target_page) * PAGE_UNITS + unit] = state[u32(source) * PAGE_UNITS + unit];
}
