// finish(v, column, at): what follows a product: bias, activation, residual. `at` indexes y, `column` the bias; vec4 or f32.
//#include activation

fn finish(value: act_f, column: u32, at: u32) -> act_f {
  var v = value;
//#if HAS_bias
  v += act_f(bias[column]);
//#end
  v = activate(v);
//#if HAS_residual
  v += act_f(residual[at]);
//#end
  return v;
}
