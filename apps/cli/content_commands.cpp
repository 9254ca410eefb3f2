// add, ls, cat, get, export, import, cid: bytes into the store and out of it.
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "interrupt.h"

namespace ipfs_accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void add_add(CLI::App& app, Context& context) {
  struct Options {
    std::string path;
    AddOptions add;
    bool quiet = false, progress = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, context, "add", "put a file or folder into the store and print its CID");
  command->add_option("PATH", options->path, "file or folder")->required();
  command->add_flag("-q,--quiet", options->quiet, "print the root CID alone");
  command->add_option("--profile", options->add.profile, "unixfs-v1-2025 (default), unixfs-v0-2015 or kubo-cid-v1");
  command->add_flag("--reference", options->add.reference, "keep no copy: read and verify the bytes where they are");
  command->add_flag("--dereference", options->add.dereference, "add what symbolic links point to, in their place");
  command->add_flag("--hidden", options->add.hidden, "also names that start with a dot");
  command->add_option("--name", options->add.name, "a name for the CID, usable wherever a CID is");
  command->add_flag("--progress", options->progress, "show progress even when standard error is no terminal");
  command->callback([&context, options] {
    context.action = [&context, options] {
      if (!options->quiet) options->add.progress = progress_line(options->progress);
      return with_interrupt(context, [&](Engine& engine, Interrupt& interrupt) -> Result<> {
        options->add.cancel = interrupt.cancel();
        Result<AddReport> report;
        const auto add = [&]() -> Result<> {
          report = engine.add(options->path, options->add);
          return report ? Result<>{} : std::unexpected(report.error());
        };
        if (const auto added = interrupt.during(add); !added) return added;
        end_progress();
        if (context.json) {
          std::cout << dump({{"cid", report->cid},
                             {"name", report->name},
                             {"files", report->files},
                             {"bytes", report->bytes},
                             {"stored_bytes", report->stored_bytes},
                             {"seconds", report->seconds}})
                    << '\n';
        } else if (options->quiet) {
          std::cout << report->cid << '\n';
        } else {
          std::cout << report->cid << "  " << report->files << (report->files == 1 ? " file, " : " files, ")
                    << human_bytes(report->bytes) << ", " << human_time(report->seconds)
                    << (report->name.empty() ? "" : ", named " + report->name) << '\n';
        }
        return {};
      });
    };
  });
}

void add_ls(CLI::App& app, Context& context) {
  auto content = std::make_shared<std::string>();
  auto fetch = std::make_shared<FetchConfig>();
  CLI::App* command = add_command(app, context, "ls", "list a folder of the store");
  command->add_option("CONTENT", *content, "CID, name or CID/path")->required();
  add_fetch_options(command, *fetch);
  command->callback([&context, content, fetch] {
    context.action = [&context, content, fetch] {
      return with_interrupt(context, [&](Engine& engine, Interrupt& interrupt) -> Result<> {
        fetch->cancel = interrupt.cancel();
        Result<std::vector<Entry>> entries;
        const auto list = [&]() -> Result<> {
          entries = engine.ls(*content, *fetch);
          return entries ? Result<>{} : std::unexpected(entries.error());
        };
        if (const auto listed = interrupt.during(list); !listed) return listed;
        if (context.json) {
          Json list = Json::array();
          for (const Entry& entry : *entries) {
            list.push_back({{"name", entry.name}, {"cid", entry.cid}, {"type", entry.type}, {"size", entry.size}});
          }
          std::cout << dump(list) << '\n';
          return {};
        }
        for (const Entry& entry : *entries) {
          std::cout << entry.cid << "  "
                    << std::format("{:>12}", entry.type == "directory" ? "-" : std::to_string(entry.size)) << "  "
                    << entry.name << (entry.type == "directory" ? "/" : "") << '\n';
        }
        return {};
      });
    };
  });
}

void add_cat(CLI::App& app, Context& context) {
  auto content = std::make_shared<std::string>();
  auto fetch = std::make_shared<FetchConfig>();
  CLI::App* command = add_command(app, context, "cat", "write a file's verified bytes to standard output");
  command->add_option("CONTENT", *content, "CID, name/path or CID/path of a file")->required();
  add_fetch_options(command, *fetch);
  command->callback([&context, content, fetch] {
    context.action = [&context, content, fetch] {
      const Sink print = [](const void* data, std::size_t size) {
        return static_cast<bool>(std::cout.write(static_cast<const char*>(data), static_cast<std::streamsize>(size)));
      };
      return with_interrupt(context, [&](Engine& engine, Interrupt& interrupt) {
        fetch->cancel = interrupt.cancel();
        return interrupt.during([&] { return engine.cat(*content, print, *fetch); });
      });
    };
  });
}

void add_get(CLI::App& app, Context& context) {
  struct Options {
    std::string content, target;
    FetchConfig fetch;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, context, "get", "write a file or folder of the store to disk");
  command->add_option("CONTENT", options->content, "CID, name or CID/path")->required();
  command->add_option("TARGET", options->target, "path that does not exist yet; the content's last name when left out");
  add_fetch_options(command, options->fetch);
  command->callback([&context, options] {
    context.action = [&context, options] {
      std::string target = options->target;
      if (target.empty()) target = std::filesystem::path(options->content).filename().string();
      return with_interrupt(context, [&](Engine& engine, Interrupt& interrupt) -> Result<> {
        options->fetch.cancel = interrupt.cancel();
        const auto get = [&] { return engine.get(options->content, target, options->fetch); };
        if (const auto got = interrupt.during(get); !got) return got;
        std::cout << (context.json ? dump({{"target", target}}) : "wrote " + target) << '\n';
        return {};
      });
    };
  });
}

void add_export(CLI::App& app, Context& context) {
  auto content = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>("-");
  CLI::App* command = add_command(app, context, "export", "write everything below a CID as a CAR file");
  command->add_option("CONTENT", *content, "CID, name or CID/path")->required();
  command->add_option("-o,--output", *output, "file to write (default: standard output)");
  command->callback([&context, content, output] {
    context.action = [&context, content, output] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        auto car = engine.open_car(*content);
        if (!car) return std::unexpected(car.error());
        std::ofstream file;
        if (*output != "-") file.open(*output, std::ios::binary | std::ios::trunc);
        std::ostream& out = *output == "-" ? std::cout : file;
        while (true) {
          auto piece = car->next();
          if (!piece) return std::unexpected(piece.error());
          if (!*piece) break;
          out.write(reinterpret_cast<const char*>((*piece)->data()), static_cast<std::streamsize>((*piece)->size()));
          if (!out) break;
        }
        if (!out.flush())
          return std::unexpected(
              Error{ErrorCode::kIo, "cannot write " + (*output == "-" ? "standard output" : *output)});
        return {};
      });
    };
  });
}

void add_import(CLI::App& app, Context& context) {
  auto file = std::make_shared<std::string>();
  CLI::App* command =
      add_command(app, context, "import", "take the blocks of a CAR file into the store, each verified");
  command->add_option("FILE", *file, "a CARv1 file")->required();
  command->callback([&context, file] {
    context.action = [&context, file] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        const auto roots = engine.import_car(*file);
        if (!roots) return std::unexpected(roots.error());
        if (context.json)
          std::cout << dump({{"roots", *roots}}) << '\n';
        else
          for (const std::string& root : *roots) std::cout << root << '\n';
        return {};
      });
    };
  });
}

void add_cid(CLI::App& app, Context& context) {
  auto text = std::make_shared<std::string>();
  CLI::App* command = add_command(app, context, "cid", "say what a CID consists of, and write it in its other forms");
  command->add_option("CID", *text, "a CID in any multibase")->required();
  command->callback([&context, text] {
    context.action = [&context, text] {
      const auto facts = inspect_cid(*text);
      if (!facts) return report(context, facts.error());
      if (context.json) {
        std::cout << *facts << '\n';
        return 0;
      }
      const Json json = Json::parse(*facts);
      for (const auto& [key, value] : json.items()) {
        std::cout << std::format("{:<12}", key) << (value.is_string() ? value.get<std::string>() : value.dump())
                  << '\n';
      }
      return 0;
    };
  });
}

}  // namespace

void add_content_commands(CLI::App& app, Context& context) {
  add_add(app, context);
  add_ls(app, context);
  add_cat(app, context);
  add_get(app, context);
  add_export(app, context);
  add_import(app, context);
  add_cid(app, context);
}

}  // namespace ipfs_accelerate::cli
