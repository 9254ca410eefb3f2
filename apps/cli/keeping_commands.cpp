// verify, pin, unpin, pins, rm, gc, stat: what the store keeps, and whether it is whole.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "interrupt.h"

namespace ipfs_accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void print(const Context& context, const GcReport& removed) {
  if (context.json) {
    std::cout << dump({{"files", removed.files}, {"blocks", removed.blocks}, {"bytes", removed.bytes}}) << '\n';
    return;
  }
  std::cout << "removed " << removed.files << " files and " << removed.blocks << " blocks, "
            << human_bytes(removed.bytes) << '\n';
}

/// A command of one content argument that prints the CID it acted on.
void add_simple(CLI::App& app, Context& context, const std::string& name, const std::string& help,
                std::function<Result<std::string>(Engine&, const std::string&)> work) {
  auto content = std::make_shared<std::string>();
  CLI::App* command = add_command(app, context, name, help);
  command->add_option("CONTENT", *content, "CID or name")->required();
  command->callback([&context, content, name, work] {
    context.action = [&context, content, name, work] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        const auto cid = work(engine, *content);
        if (!cid) return std::unexpected(cid.error());
        std::cout << (context.json ? dump({{name, *cid}}) : *cid) << '\n';
        return {};
      });
    };
  });
}

void add_pin(CLI::App& app, Context& context) {
  auto content = std::make_shared<std::string>();
  auto fetch = std::make_shared<FetchConfig>();
  CLI::App* command = add_command(app, context, "pin", "keep everything below a CID");
  command->add_option("CONTENT", *content, "CID or name")->required();
  add_fetch_options(command, *fetch);
  command->callback([&context, content, fetch] {
    context.action = [&context, content, fetch] {
      return with_interrupt(context, [&](Engine& engine, Interrupt& interrupt) -> Result<> {
        fetch->cancel = interrupt.cancel();
        Result<std::string> cid;
        const auto pin = [&]() -> Result<> {
          cid = engine.pin(*content, *fetch);
          return cid ? Result<>{} : std::unexpected(cid.error());
        };
        if (const auto pinned = interrupt.during(pin); !pinned) return pinned;
        std::cout << (context.json ? dump({{"pin", *cid}}) : *cid) << '\n';
        return {};
      });
    };
  });
}

void add_verify(CLI::App& app, Context& context) {
  auto content = std::make_shared<std::string>();
  CLI::App* command = add_command(app, context, "verify", "read bytes again and compare them with their CIDs");
  command->add_option("CONTENT", *content, "CID or name (default: everything pinned)");
  command->callback([&context, content] {
    context.action = [&context, content] {
      int code = 0;
      const int failed = with_engine(context, [&](Engine& engine) -> Result<> {
        const auto report = engine.verify(*content);
        if (!report) return std::unexpected(report.error());
        if (!report->damage.empty()) code = exit_code(report->damage.front().code);
        if (context.json) {
          Json damage = Json::array();
          for (const Error& error : report->damage)
            damage.push_back({{"code", error_name(error.code)}, {"message", error.message}});
          std::cout << dump({{"blocks", report->blocks}, {"bytes", report->bytes}, {"damage", damage}}) << '\n';
          return {};
        }
        for (const Error& error : report->damage)
          std::cout << "error[" << error_name(error.code) << "]: " << error.message << '\n';
        std::cout << (report->damage.empty() ? "all good: " : "the rest is good: ") << report->blocks << " blocks, "
                  << human_bytes(report->bytes) << '\n';
        return {};
      });
      return failed ? failed : code;
    };
  });
}

void add_pins(CLI::App& app, Context& context) {
  add_command(app, context, "pins", "list what is pinned")->callback([&context] {
    context.action = [&context] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        const auto pins = engine.pins();
        if (!pins) return std::unexpected(pins.error());
        if (context.json)
          std::cout << dump(*pins) << '\n';
        else
          for (const std::string& pin : *pins) std::cout << pin << '\n';
        return {};
      });
    };
  });
}

void add_rm(CLI::App& app, Context& context) {
  auto content = std::make_shared<std::string>();
  CLI::App* command = add_command(app, context, "rm", "unpin, forget the names, and delete what no other pin needs");
  command->add_option("CONTENT", *content, "CID or name")->required();
  command->callback([&context, content] {
    context.action = [&context, content] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        const auto report = engine.rm(*content);
        if (!report) return std::unexpected(report.error());
        print(context, *report);
        return {};
      });
    };
  });
}

void add_gc(CLI::App& app, Context& context) {
  add_command(app, context, "gc", "delete what no pin needs")->callback([&context] {
    context.action = [&context] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        const auto report = engine.gc();
        if (!report) return std::unexpected(report.error());
        print(context, *report);
        return {};
      });
    };
  });
}

void add_stat(CLI::App& app, Context& context) {
  add_command(app, context, "stat", "what the store holds")->callback([&context] {
    context.action = [&context] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        const auto stat = engine.stat();
        if (!stat) return std::unexpected(stat.error());
        const Json json = {{"home", stat->home},
                           {"pins", stat->pins},
                           {"files", stat->files},
                           {"file_bytes", stat->file_bytes},
                           {"referenced_bytes", stat->referenced_bytes},
                           {"blocks", stat->blocks},
                           {"block_bytes", stat->block_bytes},
                           {"disk_bytes", stat->disk_bytes}};
        if (context.json) {
          std::cout << dump(json) << '\n';
          return {};
        }
        for (const auto& [key, value] : json.items()) {
          const bool bytes = key.ends_with("bytes");
          std::cout << std::format("{:<18}", key)
                    << (value.is_string() ? value.get<std::string>()
                        : bytes           ? human_bytes(value.get<std::uint64_t>())
                                          : value.dump())
                    << '\n';
        }
        return {};
      });
    };
  });
}

}  // namespace

void add_keeping_commands(CLI::App& app, Context& context) {
  add_verify(app, context);
  add_pin(app, context);
  add_simple(app, context, "unpin", "no longer keep it",
             [](Engine& engine, const std::string& content) { return engine.unpin(content); });
  add_pins(app, context);
  add_rm(app, context);
  add_gc(app, context);
  add_stat(app, context);
}

}  // namespace ipfs_accelerate::cli
