// The peer of the first-result benchmark: onnxruntime opens a model file and embeds one short input, then the process
// ends. Usage: bench_first_peer MODEL.onnx
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "bench");
  Ort::Session session(env, argv[1], Ort::SessionOptions{});
  std::vector<std::int64_t> ids{2, 200, 201, 202, 203, 204, 205, 3}, ones(8, 1), zeros(8, 0);
  const std::array<std::int64_t, 2> dims{1, 8};
  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  auto tensor = [&](std::vector<std::int64_t>& values) {
    return Ort::Value::CreateTensor<std::int64_t>(memory, values.data(), values.size(), dims.data(), dims.size());
  };
  std::array<Ort::Value, 3> inputs{tensor(ids), tensor(ones), tensor(zeros)};
  const char* names[] = {"input_ids", "attention_mask", "token_type_ids"};
  const char* outputs[] = {"last_hidden_state"};
  auto result = session.Run(Ort::RunOptions{nullptr}, names, inputs.data(), inputs.size(), outputs, 1);
  std::printf("%g\n", result[0].GetTensorData<float>()[0]);
}
