// activate(v): the activation after a linear op, on f32 or vec4<f32>. One flag of the recorder picks it.
alias act_f = ACT_TYPE;

//#if GELU
// erf by Abramowitz and Stegun 7.1.26: error below 1.5e-7, no branches.
fn erf_of(x: act_f) -> act_f {
  let a = abs(x);
  let t = act_f(1.0) / (act_f(1.0) + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (act_f(1.0) - p * exp(-a * a));
}
fn activate(v: act_f) -> act_f { return 0.5 * v * (act_f(1.0) + erf_of(v * 0.7071067811865476)); }
//#end
//#if GELU_TANH
fn activate(v: act_f) -> act_f {
  return 0.5 * v * (act_f(1.0) + tanh(clamp(0.7978845608028654 * (v + 0.044715 * v * v * v), act_f(-15.0), act_f(15.0))));
}
//#end
//#if RELU
fn activate(v: act_f) -> act_f { return max(v, act_f(0.0)); }
//#end
//#if TANH
fn activate(v: act_f) -> act_f { return tanh(clamp(v, act_f(-15.0), act_f(15.0))); }
//#end
//#if SILU
fn activate(v: act_f) -> act_f { return v / (act_f(1.0) + exp(-v)); }
//#end
//#if NO_ACTIVATION
fn activate(v: act_f) -> act_f { return v; }
//#end
