// Names and paths as text, read in one place.
#include "content/name.h"

#include <algorithm>

namespace ipfs_accelerate::content {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// "%20" -> " "; what is no escape stays.
std::string percent_decode(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    plain += escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return plain;
}

struct Bare {
  std::string text;         // without scheme and slashes at the end
  bool has_scheme = false;  // so its first part is a CID
};

Bare bare(std::string_view name) {
  constexpr std::string_view kUrl = "ipfs://", kPath = "/ipfs/";
  Bare found;
  found.has_scheme = name.starts_with(kUrl) || name.starts_with(kPath);
  found.text = name.starts_with(kUrl)    ? percent_decode(name.substr(kUrl.size()))
               : name.starts_with(kPath) ? std::string(name.substr(kPath.size()))
                                         : std::string(name);
  while (found.text.size() > 1 && found.text.ends_with('/')) found.text.pop_back();
  return found;
}

}  // namespace

Result<Name> parse_name(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::kInvalidArgument, "the name is empty; give a CID, a name or a folder");
  if (text.starts_with("hf:")) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}': names of the hf: hub are not supported; give a folder, a CID or a registered name", text);
  }
  Bare name = bare(text);
  const std::size_t head = std::min(name.text.find('/'), name.text.size());
  auto cid = Cid::parse(std::string_view(name.text).substr(0, head));
  if (cid) {
    std::string path = cid->text() + name.text.substr(head);
    return Name{*std::move(cid), std::move(path)};
  }
  if (name.has_scheme) return std::unexpected(std::move(cid).error());
  return Name{std::nullopt, std::move(name.text)};
}

Result<ContentPath> parse_path(std::string_view path) {
  const std::string text = bare(path).text;
  std::string_view rest = text;
  ContentPath parsed;
  IA_ASSIGN(parsed.root, Cid::parse(rest.substr(0, rest.find('/'))));
  while (rest.find('/') != rest.npos) {
    rest.remove_prefix(rest.find('/') + 1);
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (name.empty()) continue;
    if (name == "." || name == "..") {
      return fail(ErrorCode::kInvalidArgument, "\"{}\" is not allowed in a content path", name);
    }
    if (parsed.names.size() == kMaxPathNames) {
      return fail(ErrorCode::kLimitExceeded, "a path of more than {} names", kMaxPathNames);
    }
    parsed.names.emplace_back(name);
  }
  return parsed;
}

}  // namespace ipfs_accelerate::content
