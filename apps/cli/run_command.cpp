// run: content in, answers out. Plain lines give a readable answer; JSON lines in give JSON lines out.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <span>

#include "commands.h"
#include "interrupt.h"
#include "json_line.h"
#include "text_printer.h"

namespace ipfs_accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kChunk = 1024;  // JSON lines computed before the next are read

struct Options {
  std::string model, file;
  std::vector<std::string> texts;
  Config config;
  std::optional<int> max_tokens;
  bool explain = false, no_fallback = false, no_truncate = false;
};

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::unexpected<Error> bad(std::string message) {
  return std::unexpected(Error{ErrorCode::kInvalidArgument, std::move(message)});
}

/// Files named on the command line, where the model's task takes pictures and no texts.
struct NamedFiles {
  std::vector<std::string> names;
  bool could_be() const {
    return std::ranges::any_of(names, [](const std::string& name) {
      std::error_code none;
      return std::filesystem::is_regular_file(name, none);
    });
  }
  Result<std::vector<Content>> pictures() const {
    Json items = Json::array();
    for (const std::string& name : names) items.push_back({{"image", name}});
    return read_contents(dump(items), local_files());
  }
};

/// The line above an answer.
struct Title {
  std::string operator()(const Text& one) const { return shorten(one.text, 60); }
  std::string operator()(const TextPair& two) const { return shorten(two.text, 60); }
  std::string operator()(const Messages& all) const { return shorten(all.messages.back().content, 60); }
  std::string operator()(const Picture& picture) const { return std::format("image, {} bytes", picture.file.size()); }
  std::string operator()(const Pixels& pixels) const {
    return std::format("image, {} x {}", pixels.width, pixels.height);
  }
  std::string operator()(const Sound& sound) const { return std::format("sound, {} bytes", sound.file.size()); }
  std::string operator()(const Samples& sound) const { return std::format("sound, {} samples", sound.values.size()); }
};

template <class Items, class Word>
std::string ranked(const Items& items, Word word) {
  std::string text;
  for (const auto& item : items) text += std::format("{}{} {:.4f}", text.empty() ? "" : ", ", word(item), item.score);
  return text;
}

/// An answer in a line, or in one for each mask.
struct Preview {
  std::string operator()(const Embedding& embedding) const {
    std::string numbers;
    for (const float value : embedding.values | std::views::take(6)) numbers += std::format("{:.4f} ", value);
    return std::format("[{}... {} numbers]", numbers, embedding.values.size());
  }
  std::string operator()(const Labels& labels) const { return ranked(labels.labels, std::mem_fn(&Label::label)); }
  std::string operator()(const MaskFills& fills) const {
    std::string text;
    for (const auto& mask : fills.masks) {
      text += (fills.masks.size() > 1 ? "\n    " : "") + ranked(mask, std::mem_fn(&MaskFill::token_str));
    }
    return text;
  }
  std::string operator()(const GeneratedText& text) const { return text.text; }
};

std::string preview(const Answer& answer) { return std::visit(Preview(), answer); }

/// "12 tokens/s" of generated texts, else "3 items/s".
std::string speed(const RunResult& result) {
  std::size_t tokens = 0;
  for (const Answer& answer : result.answers) {
    const auto* const text = std::get_if<GeneratedText>(&answer);
    if (!text) return std::format("{:.0f} items/s", result.throughput_items_per_sec);
    tokens += text->tokens.size();
  }
  return std::format("{} tokens, {:.1f} tokens/s", tokens, static_cast<double>(tokens) / result.processing_time);
}

std::string summary(const RunResult& result) {
  std::string line = std::format("{} on {}: {}, {}, {:.0f} MB, {}", result.task, result.adapter_info,
                                 human_time(result.processing_time), speed(result), result.memory_usage_mb, result.cid);
  if (!result.fallback.empty()) line += "\n(fallback: " + result.fallback + ")";
  return line;
}

/// `names`: of inputs that are files.
void print_result(const Context& context, const std::vector<Content>& inputs, const RunResult& result,
                  const std::vector<std::string>& names = {}) {
  if (context.json) {
    std::cout << result.to_json() << '\n';
    return;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    std::cout << (i < names.size() ? names[i] : std::visit(Title(), inputs[i])) << "\n  " << preview(result.answers[i])
              << '\n';
  std::cout.flush();
  std::cerr << summary(result) << '\n';
}

std::string names_of(const Json& values) {
  std::string text;
  for (const Json& value : values) text += (text.empty() ? "" : ", ") + value.value("name", "");
  return text;
}

std::string human_plan(const Json& plan) {
  std::string text = std::format("{}, {}: {} -> {}\n", plan.value("architecture", ""), plan.value("task", ""),
                                 names_of(plan["inputs"]), names_of(plan["outputs"]));
  for (const Json& segment : plan["segments"]) {
    text += std::format("{}: {} nodes\n", segment.value("platform", ""), segment["nodes"].size());
    if (const std::string why = segment.value("reason", ""); !why.empty()) text += "  because " + why + "\n";
    for (const Json& node : segment["nodes"]) {
      text += std::format("  {:<14} {:<44} {}\n", node.value("op", ""), node.value("name", ""), node["shape"].dump());
    }
  }
  return text + std::format("weights {} in {} tensors, states {}, activations {}\non {}: {}\n",
                            human_bytes(plan["weight_bytes"].get<std::uint64_t>()), plan["weights"].size(),
                            human_bytes(plan["state_bytes"].get<std::uint64_t>()),
                            human_bytes(plan["activation_bytes"].get<std::uint64_t>()), plan.value("device", ""),
                            plan.value("reason", ""));
}

/// What a run needs: Ctrl-C ends its calls.
struct Runner {
  const Context& context;
  Engine& engine;
  Interrupt& interrupt;
  const Options& options;

  Result<RunResult> accelerate(const std::vector<Content>& inputs) const {
    Result<RunResult> result;
    const auto done = interrupt.during([&]() -> Result<> {
      result = engine.accelerate(options.model, inputs, options.config, interrupt.cancel());
      return result ? Result<>{} : std::unexpected(result.error());
    });
    if (!done) return std::unexpected(done.error());
    return result;
  }
  /// One input: text is printed as it comes.
  Result<RunResult> accelerate(const Content& input, TextPrinter& printer) const {
    Result<RunResult> result;
    const auto done = interrupt.during([&]() -> Result<> {
      const Listener listener = [&](const Event& event) {
        if (!printer.print(event)) interrupt.give_up(output_failed());
      };
      result = engine.start(options.model, {input}, options.config, listener, interrupt.cancel()).wait();
      return result ? Result<>{} : std::unexpected(result.error());
    });
    printer.end();
    if (!done) return std::unexpected(done.error());
    return result;
  }
  Result<> explain(const std::vector<Content>& inputs) const {
    Result<std::string> plan;
    const auto done = interrupt.during([&]() -> Result<> {
      plan = engine.explain(options.model, inputs, options.config, interrupt.cancel());
      return plan ? Result<>{} : std::unexpected(plan.error());
    });
    if (!done) return done;
    std::cout << (context.json ? *plan + "\n" : human_plan(Json::parse(*plan)));
    return {};
  }
  /// Whether arguments are names of pictures.
  Result<bool> takes_only_pictures() const {
    bool pictures = false;
    const auto done = interrupt.during([&]() -> Result<> {
      const auto plan = engine.explain(options.model, {}, options.config, interrupt.cancel());
      if (!plan) return std::unexpected(plan.error());
      const Json takes = Json::parse(*plan)["takes"];
      pictures = std::ranges::contains(takes, Json("image")) && !std::ranges::contains(takes, Json("text"));
      return {};
    });
    if (!done) return std::unexpected(done.error());
    return pictures;
  }
  /// What is asked on the command line: texts, or pictures by the names of their files.
  Result<std::vector<Content>> named_inputs() const {
    const NamedFiles files{options.texts};
    if (files.could_be()) {
      const auto pictures = takes_only_pictures();
      if (!pictures) return std::unexpected(pictures.error());
      if (*pictures) return files.pictures();
    }
    std::vector<Content> texts;
    for (const std::string& text : options.texts) texts.push_back(Text{text});
    return texts;
  }
};

/// Runs inputs that are all there.
/// `names`: of the inputs, where they are files.
Result<> run_inputs(const Runner& runner, const std::vector<Content>& inputs,
                    const std::vector<std::string>& names = {}) {
  if (runner.options.explain) return runner.explain(inputs);
  const bool streamed = inputs.size() == 1 && !runner.context.json;
  TextPrinter printer(!streamed ? "" : names.empty() ? std::visit(Title(), inputs[0]) : names[0]);
  const auto result = streamed ? runner.accelerate(inputs[0], printer) : runner.accelerate(inputs);
  if (!result) return std::unexpected(result.error());
  if (!printer.printed()) print_result(runner.context, inputs, *result, names);
  if (printer.printed()) std::cerr << summary(*result) << '\n';
  return {};
}

std::vector<Content> contents_of(std::span<const JsonLine> lines) {
  std::vector<Content> contents;
  for (const JsonLine& line : lines) contents.push_back(line.content);
  return contents;
}

/// Runs JSON lines and prints each with its output. Where an input fails, those before it are run and printed by
/// halves, so that the error is of the first line that fails.
Result<> run_lines(const Runner& runner, std::span<const JsonLine> lines) {
  const auto result = runner.accelerate(contents_of(lines));
  if (!result && lines.size() > 1 && names_an_input(result.error())) {
    const auto first = run_lines(runner, lines.first(lines.size() / 2));
    return first ? run_lines(runner, lines.subspan(lines.size() / 2)) : first;
  }
  if (!result && names_an_input(result.error())) return std::unexpected(about_line(result.error(), lines[0].number));
  if (!result) return std::unexpected(result.error());
  if (runner.context.json) {
    std::cout << result->to_json() << '\n';
  } else {
    for (std::size_t i = 0; i < lines.size(); ++i)
      std::cout << with_output(lines[i].object, to_json(result->answers[i])) << '\n';
  }
  if (!std::cout.flush()) return std::unexpected(output_failed());
  if (!runner.context.json) std::cerr << summary(*result) << '\n';
  return {};
}

/// Runs JSON lines chunk by chunk. `line` is the first, `number` its place in the file. What stands before a line that
/// cannot be read is run all the same.
Result<> run_json_lines(const Runner& runner, std::istream& in, std::string line, std::size_t number) {
  for (bool more = true; more;) {
    std::vector<JsonLine> lines;
    Result<> readable;
    for (; more && readable && lines.size() < kChunk; more = static_cast<bool>(std::getline(in, line)), ++number) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      auto read = read_json_line(line, number);
      if (read) lines.push_back(*std::move(read));
      if (!read) readable = std::unexpected(std::move(read).error());
    }
    if (runner.options.explain && readable) return runner.explain(contents_of(lines));
    if (const auto done = lines.empty() || runner.options.explain ? Result<>{} : run_lines(runner, lines); !done) {
      return done;
    }
    if (!readable) return readable;
  }
  return {};
}

/// Lines are JSON where the first one begins with a brace, else texts.
Result<> run_stream(const Runner& runner, std::istream& in) {
  std::string line;
  std::size_t number = 1, begin = 0;
  while (std::getline(in, line) && (begin = line.find_first_not_of(" \t\r")) == std::string::npos) ++number;
  if (!in) return bad("no input: it is empty");
  if (line[begin] == '{') return run_json_lines(runner, in, line, number);
  std::vector<Content> inputs;
  do {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) inputs.push_back(Text{line});
  } while (std::getline(in, line));
  return run_inputs(runner, inputs);
}

/// Inputs of the command line. Where a model takes pictures and no texts, the fault lies with what names no file.
Result<> run_named(const Runner& runner) {
  const auto inputs = runner.named_inputs();
  if (!inputs) return std::unexpected(inputs.error());
  const bool files = std::holds_alternative<Picture>(inputs->front());
  const auto done = run_inputs(runner, *inputs, files ? runner.options.texts : std::vector<std::string>());
  if (done || files || done.error().code != ErrorCode::kInvalidArgument) return done;
  if (const auto pictures = runner.takes_only_pictures(); !pictures || !*pictures) return done;
  const auto read = NamedFiles{runner.options.texts}.pictures();
  return read ? done : std::unexpected(read.error());
}

Result<> run(const Context& context, Engine& engine, Interrupt& interrupt, Options& options) {
  options.config.allow_fallback = !options.no_fallback;
  options.config.truncation = !options.no_truncate;
  if (options.max_tokens == 0) return bad("max_new_tokens is 0; it must be 1 to 1000000, or be left out");
  options.config.max_new_tokens = options.max_tokens.value_or(0);
  const Runner runner{context, engine, interrupt, options};
  const bool from_stdin = options.texts.size() == 1 && options.texts[0] == "-";
  if (!options.file.empty()) {
    if (!options.texts.empty()) return bad("give texts or --file, not both");
    std::ifstream file(options.file, std::ios::binary);
    if (!file) return std::unexpected(Error{ErrorCode::kNotFound, "cannot read the input file " + options.file});
    return run_stream(runner, file);
  }
  if (options.texts.empty() && options.explain) return runner.explain({});
  if (from_stdin || (options.texts.empty() && !::isatty(STDIN_FILENO))) return run_stream(runner, std::cin);
  if (options.texts.empty()) return bad("no input: give texts, --file FILE, or lines on standard input");
  return run_named(runner);
}

}  // namespace

void add_run_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, context, "run", "run a model on texts or pictures");
  command->add_option("MODEL", options->model, "CID, registered name or folder")->required();
  command->add_option("INPUT", options->texts,
                      "texts, or files where the model takes pictures; '-' or none: lines of standard input (plain, or "
                      "JSON {\"text\", \"pair\"}, {\"image\": FILE})");
  command->add_option("--file", options->file, "read the lines of this file");
  command->add_option("--task", options->config.task,
                      "text-generation, image-classification ...; a wrong one lists them (default: the model's own)");
  command->add_option("--platform", options->config.platform, "auto (default), cpu, webgpu, webnn (browsers only)");
  command->add_option("--precision", options->config.precision, "32 (default) or 16");
  command->add_option("--batch", options->config.batch_size, "inputs computed together (default 32)");
  command->add_option("--top-k", options->config.top_k, "answers per input (default 5)");
  command->add_option("-n,--max-tokens", options->max_tokens,
                      "tokens generated at most (default: as the model says, else 256)");
  command
      ->add_option("--stop-token", options->config.stop_token_ids,
                   "number of a token that ends a text, instead of the model's own (may be repeated)")
      ->allow_extra_args(false);
  command->add_option("--threads", options->config.threads,
                      "CPU threads (default: all; at most 64, or 4 for each processor)");
  command->add_option("--gateway", options->config.gateways, "a trustless gateway to fetch from (may be repeated)")
      ->allow_extra_args(false);
  command->add_option("--gateway-timeout", options->config.gateway_timeout,
                      "seconds without a byte until a gateway is given up (default 30)");
  command->add_flag("--local-gateways", options->config.allow_local_gateways,
                    "allow gateways at loopback and private addresses");
  command->add_flag("--explain", options->explain, "print the plan and run nothing; no weight is read");
  command->add_flag("--no-fallback", options->no_fallback,
                    "an error instead of the CPU when the platform is not usable");
  command->add_flag("--no-truncate", options->no_truncate, "an error instead of cutting inputs at the model's length");
  command->callback([&context, options] {
    context.action = [&context, options] {
      return with_interrupt(
          context, [&](Engine& engine, Interrupt& interrupt) { return run(context, engine, interrupt, *options); });
    };
  });
}

}  // namespace ipfs_accelerate::cli
