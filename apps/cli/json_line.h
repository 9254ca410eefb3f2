// One line of JSON lines: the input it holds, and the same line with its output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate::cli {

struct JsonLine {
  std::size_t number = 0;  ///< in the file, from 1
  std::string object;      ///< as it was written; of a text alone {"text": ...}
  Content content;
};

/// Files that it names are read. The error names the line.
Result<JsonLine> read_json_line(std::string_view line, std::size_t number);

/// The object with `output` (JSON) as its last field, instead of one of that name. All other fields stay as they are
/// written: a number that no double can hold, too.
std::string with_output(std::string_view object, std::string_view output);

/// `error` of a run of this line alone, for the reader of the file.
Error about_line(Error error, std::size_t number);
/// Whether the error is about one of several inputs, so that the others could do without it.
bool names_an_input(const Error& error);

}  // namespace ipfs_accelerate::cli
