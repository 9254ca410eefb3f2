// run: content in, answers out. Plain lines give a readable answer; JSON lines in give JSON lines out.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <sstream>

#include "answer_text.h"
#include "commands.h"
#include "interrupt.h"
#include "json_line.h"
#include "picture_files.h"
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

std::unexpected<Error> bad(std::string message) {
  return std::unexpected(Error{ErrorCode::kInvalidArgument, std::move(message)});
}

/// Says on a terminal what a run is doing before it answers.
Listener load_listener() {
  const Progress progress = progress_line(false);
  if (!progress) return {};
  return [progress](const Event& event) {
    const auto* const load = std::get_if<LoadEvent>(&event);
    if (!load) return end_progress();
    if (load->status == "progress") progress("loading " + load->file, load->loaded, load->total);
    if (load->status == "ready")
      progress_note("computing (the first time on a GPU its driver compiles the shaders) ...");
  };
}

/// A message about a field of Config, with the option that sets it.
Error with_option(Error error) {
  constexpr std::pair<std::string_view, std::string_view> kOptions[] = {
      {"max_new_tokens ", "-n"}, {"stop_token_ids ", "--stop-token"}, {"batch_size ", "--batch"},
      {"top_k ", "--top-k"},     {"precision ", "--precision"},       {"gateway_timeout ", "--gateway-timeout"},
      {"threads ", "--threads"}};
  for (const auto& [field, option] : kOptions) {
    if (error.message.starts_with(field)) error.message += std::format(" (option {})", option);
  }
  return error;
}

/// What a run needs: Ctrl-C ends its calls.
struct Runner {
  const Context& context;
  Engine& engine;
  Interrupt& interrupt;
  const Options& options;

  Result<RunResult> accelerate(const std::vector<Content>& inputs, const Listener& listener) const {
    Result<RunResult> result;
    const auto done = interrupt.during([&]() -> Result<> {
      result = engine.start(options.model, inputs, options.config, listener, interrupt.cancel()).wait();
      return result ? Result<>{} : std::unexpected(with_option(result.error()));
    });
    end_progress();
    if (!done) return std::unexpected(done.error());
    return result;
  }
  Result<RunResult> accelerate(const std::vector<Content>& inputs) const { return accelerate(inputs, load_listener()); }
  /// One input: text is printed as it comes.
  Result<RunResult> accelerate(const Content& input, TextPrinter& printer) const {
    const Listener loading = load_listener();
    auto result = accelerate({input}, [&](const Event& event) {
      if (loading) loading(event);
      if (!printer.print(event)) interrupt.give_up(output_failed());
    });
    printer.end();
    if (!result && printer.printed() && result.error().code == ErrorCode::kCancelled)
      return std::unexpected(Error{ErrorCode::kCancelled, "interrupted; the text ends here"});
    return result;
  }
  /// Tokens a model that goes on with a text has room for; 0: none of those.
  std::int64_t context_of() const {
    const auto plan = engine.explain(options.model, {}, options.config, interrupt.cancel());
    if (!plan) return 0;
    const Json json = Json::parse(*plan);
    const bool alone = std::ranges::all_of(json["segments"], [](const Json& one) { return one["part"] == "decoder"; });
    return alone ? json["shape"].value("sequence", std::int64_t{0}) : 0;
  }
  std::string summary_of(const RunResult& result) const {
    const bool cut = !limit_reached(result, 0, 0).empty();
    return summary(result, cut ? limit_reached(result, options.config.max_new_tokens, context_of()) : "");
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
  /// What is asked by arguments or plain lines: texts, or pictures by the names of their files.
  Result<std::vector<Content>> named_inputs(const std::vector<std::string>& words) const {
    const NamedFiles files{words};
    if (files.could_be()) {
      const auto pictures = takes_only_pictures();
      if (!pictures) return std::unexpected(pictures.error());
      if (*pictures) return files.pictures();
    }
    std::vector<Content> texts;
    for (const std::string& text : words) {
      if (is_picture_file(text))
        std::cerr << "warning: " << text << " is a picture; the model takes none, so its name is the input\n";
      texts.push_back(Text{text});
    }
    return texts;
  }
};

/// Runs inputs that are all there.
/// `names`: of the inputs, where they are files.
Result<> run_inputs(const Runner& runner, const std::vector<Content>& inputs,
                    const std::vector<std::string>& names = {}) {
  if (runner.options.explain) return runner.explain(inputs);
  const bool streamed = inputs.size() == 1 && !runner.context.json;
  TextPrinter printer(!streamed ? "" : names.empty() ? title_of(inputs[0]) : names[0]);
  const auto result = streamed ? runner.accelerate(inputs[0], printer) : runner.accelerate(inputs);
  if (!result) return std::unexpected(result.error());
  if (runner.context.json) {
    std::cout << result->to_json() << '\n';
    return {};
  }
  if (!printer.printed()) print_answers(inputs, *result, names, runner.options.config.top_k);
  std::cerr << runner.summary_of(*result) << '\n';
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
  for (std::size_t i = 0; i < lines.size(); ++i)
    std::cout << with_output(lines[i].object, to_json(result->answers[i])) << '\n';
  if (!std::cout.flush()) return std::unexpected(output_failed());
  if (!runner.context.json) std::cerr << runner.summary_of(*result) << '\n';
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

/// Runs arguments or plain lines. Where a model takes pictures and no texts, the fault lies with what names no file.
Result<> run_words(const Runner& runner, const std::vector<std::string>& words) {
  const auto inputs = runner.named_inputs(words);
  if (!inputs) return std::unexpected(inputs.error());
  const bool files = !inputs->empty() && std::holds_alternative<Picture>(inputs->front());
  const auto done = run_inputs(runner, *inputs, files ? words : std::vector<std::string>());
  if (done || files || done.error().code != ErrorCode::kInvalidArgument) return done;
  if (const auto pictures = runner.takes_only_pictures(); !pictures || !*pictures) return done;
  const auto read = NamedFiles{words}.pictures();
  return read ? done : std::unexpected(read.error());
}

/// Lines are JSON where the first one begins with a brace, else texts or names of files.
Result<> run_line_stream(const Runner& runner, std::istream& in) {
  std::string line;
  std::size_t number = 1, begin = 0;
  while (std::getline(in, line) && (begin = line.find_first_not_of(" \t\r")) == std::string::npos) ++number;
  if (!in) return bad("no input: it is empty");
  if (line[begin] == '{') return run_json_lines(runner, in, line, number);
  std::vector<std::string> words;
  do {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) words.push_back(line);
  } while (std::getline(in, line));
  return run_words(runner, words);
}

/// Lines, or one picture: no text in UTF-8 begins with the first byte of a PNG or JPEG.
Result<> run_stream(const Runner& runner, std::istream& in) {
  const int first = in.peek();
  if (first != 0x89 && first != 0xff) return run_line_stream(runner, in);
  auto bytes = read_bytes(in);
  if (!bytes) return std::unexpected(bytes.error());
  if (begins_as_picture(*bytes)) return run_inputs(runner, {Picture{{bytes->begin(), bytes->end()}}});
  std::istringstream lines(*std::move(bytes));
  return run_line_stream(runner, lines);
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
  return run_words(runner, options.texts);
}

}  // namespace

void add_run_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, context, "run", "run a model on texts or pictures");
  command->add_option("MODEL", options->model, "CID, registered name or folder")->required();
  command->add_option("INPUT", options->texts,
                      "texts, or files where the model takes pictures; '-' or none: lines of standard input (plain, or "
                      "JSON {\"text\", \"pair\"}, {\"image\": FILE}), or the bytes of one PNG or JPEG");
  command->add_option("--file", options->file, "read the lines of this file");
  command->add_option("--task", options->config.task,
                      "text-generation, image-classification ...; a wrong one lists them (default: the model's own)");
  command->add_option("--platform", options->config.platform, "auto (default), cpu, webgpu, webnn (browsers only)");
  command->add_option("--precision", options->config.precision, "32 (default) or 16");
  command->add_option("--batch", options->config.batch_size, "inputs computed together (default 32)");
  command->add_option("--top-k", options->config.top_k, "answers per input (default 5)");
  command->add_option("-n,--max-tokens,--max-new-tokens", options->max_tokens,
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
  command->add_flag("--no-truncate", options->no_truncate,
                    "an error instead of cutting inputs at the model's length; a prompt to go on from is never cut");
  command->callback([&context, options] {
    context.action = [&context, options] {
      return with_interrupt(
          context, [&](Engine& engine, Interrupt& interrupt) { return run(context, engine, interrupt, *options); });
    };
  });
}

}  // namespace ipfs_accelerate::cli
