// arg_max: the index of the largest number of each row, the lowest among equals; one workgroup per row.
// Comparisons with a NaN are false, so that an index always comes from inside the row.
var<workgroup> values: array<f32, THREADS>;
var<workgroup> places: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  var at = min(lane, COLUMNS - 1u);
  var highest = f32(x[row * COLUMNS + at]);
  for (var c = lane + THREADS; c < COLUMNS; c += THREADS) {
    let v = f32(x[row * COLUMNS + c]);
    if (v > highest) { highest = v; at = c; }
  }
  values[lane] = highest;
  places[lane] = at;
  workgroupBarrier();
  for (var half = u32(THREADS) / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = values[lane + half];
      let place = places[lane + half];
      if (other > values[lane] || (other == values[lane] && place < places[lane])) {
        values[lane] = other;
        places[lane] = place;
      }
    }
    workgroupBarrier();
  }
  if (lane == 0u) { y[row] = i32(places[0]); }
}
