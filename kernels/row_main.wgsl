// Entry point of row kernels: a workgroup takes GROUP_ROWS rows, THREADS invocations each.
@compute @workgroup_size(THREADS * GROUP_ROWS)
//#if SUBGROUPS
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32,
        @builtin(subgroup_size) sg_size: u32) {
//#else
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let sg_size = 1u;
//#end
//#if SUBGROUP_ROWS
  let row = (group.y * 32768u + group.x) * GROUP_ROWS + lane / THREADS;
//#else
  let row = group.y * 32768u + group.x;
//#end
  if (row < row_count()) { normalize_row(row, lane % THREADS, sg_size); }
}
