#include "text_printer.h"

#include <iostream>

namespace ipfs_accelerate::cli {

void TextPrinter::begin() {
  std::cout << (printed_ ? "" : title_ + "\n") << "  ";
  printed_ = open_ = true;
}

bool TextPrinter::print(const Event& event) {
  const auto* const piece = std::get_if<TextEvent>(&event);
  if (!piece) {
    // A model that is ready once more was loaded anew, on another device, and tells its text from the beginning.
    if (open_ && std::get<LoadEvent>(event).status == "ready") {
      end();
      std::cerr << "(the device failed; the text begins again on another)\n";
    }
    return true;
  }
  if (!open_) begin();
  std::cout << piece->text << std::flush;
  return static_cast<bool>(std::cout);
}

void TextPrinter::end() {
  if (open_) std::cout << std::endl;
  open_ = false;
}

}  // namespace ipfs_accelerate::cli
