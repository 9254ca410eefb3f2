// Prints the text of one input while it is generated, in the form that a whole answer is printed in.
#pragma once

#include <string>

#include "ipfs_accelerate/run.h"

namespace ipfs_accelerate::cli {

class TextPrinter {
 public:
  explicit TextPrinter(std::string title) : title_(std::move(title)) {}
  /// Prints pieces of text as they come; other events print nothing. False once standard output takes nothing.
  bool print(const Event& event);
  /// Ends the line, where text was printed.
  void end();
  bool printed() const { return printed_; }

 private:
  void begin();

  std::string title_;
  bool printed_ = false, open_ = false;
};

}  // namespace ipfs_accelerate::cli
