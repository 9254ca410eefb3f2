// arg_max: the index of the largest number of each row, the lowest among equals; one workgroup per row. -1 when one of
// them is NaN, or when the largest is infinite. Numbers are compared by their bits: compilers may assume of floats that
// none of them is NaN or infinite.
var<workgroup> keys: array<u32, THREADS>;
var<workgroup> places: array<u32, THREADS>;

const ABOVE_NUMBERS = 0xff800000u;  // the key of infinity; a NaN's is larger
const BELOW_NUMBERS = 0x00800000u;  // of minus infinity

// In the order of the numbers; the zeros are equal, a NaN is above everything.
fn key_of(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return 0xffffffffu; }
  return select(0x80000000u | bits, 0x80000000u - size, bits > 0x7fffffffu);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 32768u + group.x;
  if (row >= ROWS) { return; }
  var at = min(lane, COLUMNS - 1u);
  var highest = key_of(f32(x[row * COLUMNS + at]));
  for (var c = lane + THREADS; c < COLUMNS; c += THREADS) {
    let key = key_of(f32(x[row * COLUMNS + c]));
    if (key > highest) { highest = key; at = c; }
  }
  keys[lane] = highest;
  places[lane] = at;
  workgroupBarrier();
  for (var half = u32(THREADS) / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = keys[lane + half];
      let place = places[lane + half];
      if (other > keys[lane] || (other == keys[lane] && place < places[lane])) {
        keys[lane] = other;
        places[lane] = place;
      }
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    let finite = keys[0] < ABOVE_NUMBERS && keys[0] > BELOW_NUMBERS;
    y[row] = select(-1, i32(places[0]), finite);
  }
}
