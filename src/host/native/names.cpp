// Names: reading, checking and replacing names.json.
#include "host/native/names.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "content/cid.h"

namespace ipfs_accelerate {
namespace fs = std::filesystem;

Result<> Names::check(const std::string& name) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-' || c == '/'; };
  if (name.empty() || name.size() > 128 || !std::ranges::all_of(name, plain) ||
      !std::isalnum(static_cast<unsigned char>(name[0])) || name.contains("..") || name.contains("//") ||
      name.ends_with('/') || name.starts_with("ipfs/")) {
    return fail(
        ErrorCode::kInvalidArgument,
        "'{}' is no name: use up to 128 letters, digits, '.', '_', '-' and '/', starting with a letter or digit", name);
  }
  if (content::Cid::parse(name)) return fail(ErrorCode::kInvalidArgument, "'{}' is a CID; choose another name", name);
  return {};
}

Result<std::map<std::string, std::string>> Names::all() const {
  std::map<std::string, std::string> names;
  std::ifstream in(file_, std::ios::binary);
  if (!in) return names;
  const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object())
    return fail(ErrorCode::kStoreCorrupt, "{} is no JSON object; remove it to start anew", file_.string());
  for (const auto& [name, cid] : json.items()) {
    if (!cid.is_string())
      return fail(ErrorCode::kStoreCorrupt, "{}: the value of '{}' is no CID", file_.string(), name);
    names[name] = cid.get<std::string>();
  }
  return names;
}

Result<> Names::set(const std::string& name, const std::string& cid) {
  IA_TRY(check(name));
  IA_ASSIGN(auto names, all());
  names[name] = cid;
  return write(names);
}

Result<> Names::forget_cid(const std::string& cid) {
  IA_ASSIGN(auto names, all());
  if (std::erase_if(names, [&](const auto& entry) { return entry.second == cid; }) == 0) return {};
  return write(names);
}

Result<> Names::write(const std::map<std::string, std::string>& names) const {
  const fs::path partial = file_.string() + ".partial-" + std::to_string(::getpid());
  std::ofstream out(partial, std::ios::binary | std::ios::trunc);
  out << nlohmann::json(names).dump(1) << '\n';
  out.close();
  std::error_code error;
  if (!out) error = std::make_error_code(std::errc::io_error);
  if (!error) fs::rename(partial, file_, error);
  if (error) {
    std::error_code ignored;
    fs::remove(partial, ignored);
    return fail(ErrorCode::kIo, "cannot write {}: {}", file_.string(), error.message());
  }
  return {};
}

}  // namespace ipfs_accelerate
