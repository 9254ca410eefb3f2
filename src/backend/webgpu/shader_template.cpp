// The template expander of kernels/*.wgsl, and the table of embedded kernels.
#include "backend/webgpu/shader_template.h"

#include <cstdlib>
#include <vector>

#include "kernels/wgsl.h"

namespace ipfs_accelerate::webgpu {
namespace {

std::string_view trimmed(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

std::vector<std::string> words_of(std::string_view directive) {
  std::vector<std::string> words(1);
  for (const char c : directive) {
    if (c != ' ') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::int64_t flag_value(const Flags& flags, std::string_view name) {
  const auto found = flags.find(name);
  return found == flags.end() ? 0 : found->second;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

class Expander {
 public:
  Expander(const std::vector<std::string>& lines, const Flags& flags) : lines_(lines), flags_(flags) {}

  Result<std::string> expand() {
    std::string out;
    IA_TRY(block(out, true));
    if (at_ < lines_.size())
      return fail(ErrorCode::kInternal, "kernel line {}: {} without a start", at_ + 1, lines_[at_]);
    return out;
  }

 private:
  /// Expands up to the //#else or //#end that closes this block, which is left for the caller.
  Result<> block(std::string& out, bool keep) {
    for (; at_ < lines_.size(); ++at_) {
      const std::string_view line = trimmed(lines_[at_]);
      if (!line.starts_with("//#")) {
        if (keep) out += lines_[at_] + '\n';
        continue;
      }
      const auto words = words_of(line.substr(3));
      if (words.empty()) return fail(ErrorCode::kInternal, "kernel line {}: an empty directive", at_ + 1);
      if (words[0] == "else" || words[0] == "end") return {};
      IA_TRY(directive(words, out, keep));
    }
    return {};
  }

  Result<> directive(const std::vector<std::string>& words, std::string& out, bool keep) {
    if (words[0] == "include" && words.size() == 2) {
      if (!keep) return {};
      IA_ASSIGN(const std::string text, expand_kernel(words[1], flags_));
      out += text;
      return {};
    }
    if (words[0] == "if" && words.size() == 2) return condition(words[1], out, keep);
    if (words[0] == "for" && words.size() == 3) return repetition(words[1], words[2], out, keep);
    return fail(ErrorCode::kInternal, "kernel line {}: unknown directive {}", at_ + 1, lines_[at_]);
  }

  Result<> condition(std::string_view name, std::string& out, bool keep) {
    const bool negated = name.starts_with('!');
    const bool holds = (flag_value(flags_, name.substr(negated ? 1 : 0)) != 0) != negated;
    ++at_;
    IA_TRY(block(out, keep && holds));
    if (at_ < lines_.size() && trimmed(lines_[at_]) == "//#else") {
      ++at_;
      IA_TRY(block(out, keep && !holds));
    }
    return closed("if");
  }

  Result<> repetition(const std::string& variable, const std::string& count, std::string& out, bool keep) {
    const bool number = count.find_first_not_of("0123456789") == std::string::npos;
    const std::int64_t times = number ? std::atoll(count.c_str()) : flag_value(flags_, count);
    std::string body;
    ++at_;
    IA_TRY(block(body, keep));
    for (std::int64_t i = 0; keep && i < times; ++i) {
      std::string copy = body;
      replace_all(copy, "$(2" + variable + ")", std::to_string(2 * i));
      replace_all(copy, "$(2" + variable + "+1)", std::to_string(2 * i + 1));
      replace_all(copy, "$" + variable, std::to_string(i));
      out += copy;
    }
    return closed("for");
  }

  Result<> closed(std::string_view what) {
    if (at_ < lines_.size() && trimmed(lines_[at_]) == "//#end") return {};
    return fail(ErrorCode::kInternal, "kernel text ends inside //#{}", what);
  }

  const std::vector<std::string>& lines_;
  const Flags& flags_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::string> expand_text(std::string_view text, const Flags& flags) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return Expander(lines, flags).expand();
}

Result<std::string> expand_kernel(std::string_view name, const Flags& flags) {
  for (const auto& [kernel, text] : kKernels) {
    if (kernel != name) continue;
    auto expanded = expand_text(text, flags);
    if (!expanded) return while_doing(expanded.error(), "expanding kernels/{}.wgsl", name);
    return expanded;
  }
  return fail(ErrorCode::kInternal, "no kernel is named {}", name);
}

}  // namespace ipfs_accelerate::webgpu
