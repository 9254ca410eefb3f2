// layer_norm: y = (v - mean) / sqrt(variance + EPSILON) * gamma + beta, v = x (+ residual); one workgroup per row.
//#include norm_row

fn row_value(row: u32, column: u32) -> y_f {
  let at = row * COLUMNS + column;
//#if HAS_residual
  return y_f(x[at]) + y_f(residual[at]);
//#else
  return y_f(x[at]);
//#end
}

@compute @workgroup_size(THREADS)
//#if SUBGROUPS
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32,
        @builtin(subgroup_size) sg_size: u32) {
//#else
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let sg_size = 1u;
//#end
  let row = group.y * 32768u + group.x;
  if (row < ROWS) { normalize_row(row, lane, sg_size); }
}
