// model_predict FOLDER: texts from stdin (one JSON string, or {"text", "pair"}, a line) through a model's whole
// pipeline; one JSON answer a line on stdout. For ./dev zoo.
#include <CLI/CLI.hpp>
#include <iostream>

#include "golden/model_runner.h"

namespace {

using namespace ipfs_accelerate;

Result<std::vector<TextInput>> read_texts(std::istream& in) {
  std::vector<TextInput> texts;
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_string()) {
      texts.push_back({json.get<std::string>(), std::nullopt});
    } else if (json.is_object() && json.contains("text") && json["text"].is_string()) {
      texts.push_back({json["text"].get<std::string>(), std::nullopt});
      if (json.contains("pair") && json["pair"].is_string()) texts.back().pair = json["pair"].get<std::string>();
    } else {
      return fail(ErrorCode::kInvalidArgument, "line {} is neither a JSON string nor an object with text",
                  texts.size() + 1);
    }
  }
  return texts;
}

Result<> predict(const std::filesystem::path& folder, const std::string& backend, int precision,
                 std::size_t batch_size) {
  IA_ASSIGN(const Devices devices, Devices::open(backend, precision));
  IA_ASSIGN(const ModelFolder model, read_model_folder(folder));
  IA_ASSIGN(const Pipeline pipeline, Pipeline::open(model.files, model.tensors.index().table(), {}));
  IA_ASSIGN(const auto runner, make_runner(pipeline, model.tensors, devices));
  IA_ASSIGN(const std::vector<TextInput> texts, read_texts(std::cin));
  const Graph& graph = pipeline.graph();
  const std::string& main_output = graph.value(graph.outputs.front()).name;
  for (std::size_t begin = 0; begin < texts.size(); begin += batch_size) {
    const auto first = texts.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::vector<TextInput> items(first,
                                       first + static_cast<std::ptrdiff_t>(std::min(batch_size, texts.size() - begin)));
    IA_ASSIGN(const Batch batch, pipeline.prepare(items, {}));
    IA_ASSIGN(const auto values, runner->run(batch));
    IA_ASSIGN(const auto answers, pipeline.finish(batch, values.at(main_output), {}));
    for (const auto& answer : answers) std::cout << answer.dump() << "\n";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Answers texts from stdin with a model folder"};
  std::filesystem::path folder;
  std::string backend = "cpu";
  int precision = 32;
  std::size_t batch_size = 64;
  app.add_option("FOLDER", folder, "model folder")->required()->check(CLI::ExistingDirectory);
  app.add_option("--backend", backend, "cpu, webgpu, or reference");
  app.add_option("--precision", precision, "32 or 16")->check(CLI::IsMember({16, 32}));
  app.add_option("--batch", batch_size, "texts computed together")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const auto done = predict(folder, backend, precision, batch_size);
  if (!done) std::cerr << error_name(done.error().code) << ": " << done.error().message << std::endl;
  return done ? 0 : 1;
}
