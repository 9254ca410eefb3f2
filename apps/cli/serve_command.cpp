// serve: the page and the gateway on this machine.
#include <cstdlib>
#include <iostream>
#include <memory>

#include "commands.h"
#include "server.h"

namespace ipfs_accelerate::cli {
namespace {

namespace fs = std::filesystem;

/// The built page: in $IA_SOURCE, or beside or above this program (build/release/bin -> web/dist; bin -> share).
fs::path find_web() {
  std::vector<fs::path> places;
  if (const char* source = std::getenv("IA_SOURCE")) places.push_back(fs::path(source) / "web/dist");
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  places.push_back(program / "../share/ipfs_accelerate/web");
  places.push_back(program / "../../../web/dist");
  for (const fs::path& place : places) {
    if (fs::exists(place / "index.html", error)) return fs::weakly_canonical(place, error);
  }
  return {};
}

}  // namespace

void add_serve_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<server::Options>();
  auto web = std::make_shared<std::string>();
  CLI::App* command = add_command(app, context, "serve", "serve the page and a read-only gateway for the store");
  command->add_option("--address", options->address, "address to listen on (default 127.0.0.1: this machine only)");
  command->add_option("--port", options->port, "port (default 8080; 0: any free one)");
  command->add_option("--host", options->hosts, "a further Host name to answer to (may be repeated)")
      ->allow_extra_args(false);
  command->add_option("--web", *web, "folder of the built page");
  command->callback([&context, options, web] {
    context.action = [&context, options, web] {
      options->web = web->empty() ? find_web() : fs::path(*web);
      return with_engine(context, [&](Engine& engine) {
        return server::serve(engine, *options, [&](const std::string& url) {
          if (context.json) {
            std::cout << "{\"url\":\"" << url << "\"}" << std::endl;
            return;
          }
          std::cout << "page     " << url
                    << (options->web.empty() ? "   (not built: ./dev exec ipfs-accelerate serve builds it)" : "")
                    << '\n'
                    << "gateway  " << url << "ipfs/CID?format=raw|car\nstop with Ctrl-C" << std::endl;
        });
      });
    };
  });
}

}  // namespace ipfs_accelerate::cli
