// Pictures as a command line gives them: names of files, or bytes on standard input.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate::cli {

/// Whether bytes begin as a PNG or a JPEG does.
bool begins_as_picture(std::string_view bytes);
bool is_picture_file(const std::string& name);
/// A file that is given as bytes, to its end.
Result<std::string> read_bytes(std::istream& in);

/// Names given as arguments or lines: files where the model's task takes pictures and no texts.
struct NamedFiles {
  std::vector<std::string> names;
  bool could_be() const;
  Result<std::vector<Content>> pictures() const;
};

}  // namespace ipfs_accelerate::cli
