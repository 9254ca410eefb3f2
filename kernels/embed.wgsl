// embed: y = word[ids] + position[position_ids] + type[type_ids], then layer normalisation; one workgroup per token.
// Without type_ids every token is of type 0.
// Ids outside a table are clamped to it: the caller checks them, the shader only stays inside its buffers.
//#include norm_row

fn row_value(row: u32, column: u32) -> y_f {
  var v = y_f(word[u32(clamp(ids[row], 0, WORDS - 1)) * COLUMNS + column]);
//#if HAS_position
  v += y_f(position[u32(clamp(position_ids[row], 0, POSITIONS - 1)) * COLUMNS + column]);
//#end
//#if HAS_kind
//#if HAS_type_ids
  v += y_f(kind[u32(clamp(type_ids[row], 0, TYPES - 1)) * COLUMNS + column]);
//#else
  v += y_f(kind[column]);
//#end
//#end
  return v;
}

//#include row_main
fn row_count() -> u32 { return ROWS; }
