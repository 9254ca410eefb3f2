// normalize: y = x / max(|x|, EPSILON) over a row; one workgroup per row.
//#include reduce

@compute @workgroup_size(THREADS)
//#if SUBGROUPS
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32,
        @builtin(subgroup_size) sg_size: u32) {
//#else
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let sg_size = 1u;
//#end
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  var squares = 0.0;
  for (var c = lane; c < COLUMNS; c += THREADS) {
    let v = f32(x[row * COLUMNS + c]);
    squares += v * v;
  }
  let scale = 1.0 / max(sqrt(reduce_sum(squares, lane, sg_size)), EPSILON);
  for (var c = lane; c < COLUMNS; c += THREADS) { y[row * COLUMNS + c] = y_s(f32(x[row * COLUMNS + c]) * scale); }
}
