// vision_embed: the prefix, then patches, each plus its position; one workgroup per token. With `places`, positions are interpolated.
fn position_of(place: u32, column: u32) -> f32 {
//#if HAS_places
  let down = place / ACROSS * 4u;
  let across = (DOWN + place % ACROSS) * 4u;
  var sum = 0.0;
  for (var i = 0u; i < 4u; i++) {
    for (var j = 0u; j < 4u; j++) {
      let at = PREFIX + u32(places[down + i]) * SIDE + u32(places[across + j]);
      sum += weights[down + i] * weights[across + j] * f32(position[at * COLUMNS + column]);
    }
  }
  return sum;
//#else
  return f32(position[(PREFIX + place) * COLUMNS + column]);
//#end
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  let token = row % TOKENS;
//#if HAS_prefix
  if (token < PREFIX) {
    for (var c = lane; c < COLUMNS; c += 64u) {
      y[row * COLUMNS + c] = y_t(f32(prefix[token * COLUMNS + c]) + f32(position[token * COLUMNS + c]));
    }
    return;
  }
//#end
  let place = token - PREFIX;
  let source = (row / TOKENS * PATCHES + place) * COLUMNS;
  for (var c = lane; c < COLUMNS; c += 64u) {
    y[row * COLUMNS + c] = y_t(f32(x[source + c]) + position_of(place, c));
  }
}
