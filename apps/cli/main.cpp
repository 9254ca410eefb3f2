// ipfs-accelerate: the command line. Parses, runs one command, and turns its error into an exit code.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "commands.h"

namespace ipfs_accelerate::cli {

CLI::App* add_command(CLI::App& app, Context& context, const std::string& name, const std::string& help) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_flag("--json", context.json, "machine-readable output, errors included");
  return command;
}

void add_fetch_options(CLI::App* command, FetchConfig& fetch) {
  command->add_option("--gateway", fetch.gateways, "a trustless gateway to fetch missing blocks from (may be repeated)")
      ->allow_extra_args(false);
  command->add_option("--gateway-timeout", fetch.gateway_timeout,
                      "seconds without a byte until a gateway is given up (default 30)");
  command->add_flag("--local-gateways", fetch.allow_local_gateways, "allow gateways at loopback and private addresses");
}

namespace {

constexpr const char* kFooter =
    "The store lies in $IPFS_ACCELERATE_HOME, else in $XDG_DATA_HOME or ~/.local/share, folder ipfs_accelerate.\n"
    "Exit codes: 0 done; 1 failed; 2 usage; 3 content (missing, damaged); 4 fetching; 5 model; 6 device; 7 server; 130 "
    "Ctrl-C.\n";

int parse_failed(const CLI::App& app, Context& context, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);  // --help, --version
  for (int i = 1; i < argc; ++i) context.json |= std::string_view(argv[i]) == "--json";
  const bool unknown = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  return report(context, {unknown ? ErrorCode::kUnknownOption : ErrorCode::kInvalidArgument,
                          std::string(error.what()) + " (see ipfs-accelerate --help)"});
}

int run(int argc, char** argv) {
  CLI::App app("Runs AI models named by content, every byte verified.", "ipfs-accelerate");
  app.set_version_flag("--version", std::string(version()));
  app.footer(kFooter);
  app.require_subcommand(1);
  Context context;
  add_run_command(app, context);
  add_demo_command(app, context);
  add_device_commands(app, context);
  add_content_commands(app, context);
  add_keeping_commands(app, context);
  add_serve_command(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return parse_failed(app, context, error, argc, argv);
  }
  return context.action();
}

}  // namespace
}  // namespace ipfs_accelerate::cli

/// What is opened from now on must not take the place of a standard stream that is closed: files of the store would get
/// what is printed. Each gets the null device, opened so that using it is the error it would have been.
void keep_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is this one.
    if (::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) != stream) std::_Exit(1);
  }
}

int main(int argc, char** argv) {
  keep_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error on the stream, not a death
  return ipfs_accelerate::cli::run(argc, argv);
}
