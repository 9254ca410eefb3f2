// devices, models: what there is to run on, and what to run.
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"

namespace ipfs_accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string join(const Json& list) {
  std::string text;
  for (const Json& item : list) text += (text.empty() ? "" : ", ") + item.get<std::string>();
  return text;
}

void print_device(const Json& device) {
  std::cout << std::format("{:<8}{}  ({})\n", device.value("platform", ""), device.value("name", ""),
                           device.value("is_real_hardware", false) ? "real" : "software");
  const auto line = [](const char* label, const std::string& text) {
    if (!text.empty()) std::cout << std::format("        {:<13} {}\n", label, text);
  };
  line("vendor", device.value("vendor", ""));
  line("architecture", device.value("architecture", ""));
  line("driver", device.value("driver", ""));
  if (device.contains("threads")) line("threads", device["threads"].dump());
  line("features", join(device["features"]));
  line("switched off", join(device["switched_off"]));
  for (const auto& [name, value] : device["limits"].items())
    std::cout << std::format("        {:<34} {}\n", name, value.dump());
}

void print_devices(const std::string& text) {
  const Json json = Json::parse(text);
  for (const Json& device : json["devices"]) print_device(device);
  if (json.contains("webgpu_error")) std::cout << "webgpu  " << json["webgpu_error"].value("message", "") << '\n';
  std::cout << "webnn   in browsers only: open the page of `ipfs-accelerate serve`\n";
  std::cout << std::format("auto    {} ({}): {}\n", json["auto"].value("platform", ""),
                           json["auto"].value("device", ""), json["auto"].value("reason", ""));
}

}  // namespace

void add_device_commands(CLI::App& app, Context& context) {
  add_command(app, context, "devices", "list devices, and which one auto picks and why")->callback([&context] {
    context.action = [&context] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        const auto devices = engine.devices();
        if (!devices) return std::unexpected(devices.error());
        if (context.json)
          std::cout << *devices << '\n';
        else
          print_devices(*devices);
        return {};
      });
    };
  });
  add_command(app, context, "models", "list registered names")->callback([&context] {
    context.action = [&context] {
      return with_engine(context, [&](Engine& engine) -> Result<> {
        const auto models = engine.models();
        if (!models) return std::unexpected(models.error());
        Json list = Json::array();
        for (const NamedModel& model : *models) {
          list.push_back(
              {{"name", model.name}, {"cid", model.cid}, {"task", model.task}, {"architecture", model.architecture}});
        }
        if (context.json) {
          std::cout << list.dump() << '\n';
          return {};
        }
        for (const NamedModel& model : *models) {
          std::cout << std::format("{:<32} {:<22} {}\n", model.name, model.task.empty() ? "-" : model.task, model.cid);
        }
        return {};
      });
    };
  });
}

}  // namespace ipfs_accelerate::cli
