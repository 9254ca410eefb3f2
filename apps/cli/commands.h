// The commands, each in its own file. Adding one: a function here, a file, a line in main.cpp.
#pragma once

#include <CLI/CLI.hpp>

#include "output.h"

namespace ipfs_accelerate::cli {

void add_run_command(CLI::App& app, Context& context);
void add_demo_command(CLI::App& app, Context& context);
void add_device_commands(CLI::App& app, Context& context);   ///< devices, models
void add_content_commands(CLI::App& app, Context& context);  ///< add, ls, cat, get, export, import, cid
void add_keeping_commands(CLI::App& app, Context& context);  ///< verify, pin, unpin, pins, rm, gc, stat
void add_serve_command(CLI::App& app, Context& context);

/// A subcommand with --json.
CLI::App* add_command(CLI::App& app, Context& context, const std::string& name, const std::string& help);

/// --gateway and --local-gateways, as FetchConfig.
void add_fetch_options(CLI::App* command, FetchConfig& fetch);

}  // namespace ipfs_accelerate::cli
