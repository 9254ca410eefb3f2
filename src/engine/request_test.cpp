// Calls as edges send them: what a model's name means, whom to ask, options by their other names, answers and events.
#include "engine/request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/browser_name.h"
#include "engine/calls.h"
#include "engine/json_forms.h"
#include "engine/model_name.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
const std::string kCid = "bafybeifbogqowck5zwrjsnnbychqc6jflpd5fwf6z5cn3seydwxjnyt5by";
constexpr const char* kPage = R"({"base": "https://here.test/a/page.html?q#f", "origin": "https://here.test"})";

Result<Call> call_for(const std::string& model, const std::string& page = "{}", const std::string& config = "{}") {
  return read_call(R"({"method": "run", "model": )" + model + R"(, "page": )" + page + R"(, "config": )" + config +
                   "}");
}
std::string meant(const std::string& model, const std::string& page = "{}") {
  const Result<Call> call = call_for(model, page);
  return call ? call->request.model : std::string(error_name(call.error().code));
}

TEST(ModelNames, WhatTheyMean) {
  const std::string quoted = '"' + kCid + '"';
  EXPECT_EQ(meant(quoted), kCid);
  EXPECT_EQ(meant("\"ipfs://" + kCid + "/sub\""), "ipfs://" + kCid + "/sub");
  EXPECT_EQ(meant(R"({"cid": )" + quoted + R"(, "gateway": "http://127.0.0.1:1"})"), "/ipfs/" + kCid);
  EXPECT_EQ(meant(R"({"cid": "/ipfs/)" + kCid + R"(/sub"})"), "/ipfs/" + kCid + "/sub");
  EXPECT_EQ(meant(R"("https://example.org/model/")", kPage), "https://example.org/model/");
  EXPECT_EQ(meant(R"({"url": "https://example.org/model/"})"), "https://example.org/model/");
  EXPECT_EQ(meant(R"({"folder": "/models/x"})", kPage), "/models/x");
  EXPECT_EQ(meant(R"({"url": "models/x"})"), "invalid_argument");  // nothing to see it from
  for (const char* none : {"null", "7", "{}", R"({"cid": 7})", "[]"})
    EXPECT_EQ(meant(none), "invalid_argument") << none;
}

TEST(ModelNames, RelativeToThePage) {
  EXPECT_EQ(meant(R"("./zoo/bert")"), "./zoo/bert");  // no page: a folder
  EXPECT_EQ(meant(R"("./zoo/bert")", kPage), "https://here.test/a/zoo/bert");
  EXPECT_EQ(meant(R"("../zoo/")", kPage), "https://here.test/zoo/");
  EXPECT_EQ(meant(R"("/zoo/bert/")", kPage), "https://here.test/zoo/bert/");
  EXPECT_EQ(meant(R"({"url": "zoo/bert"})", kPage), "https://here.test/a/zoo/bert");
  EXPECT_EQ(meant("\"/ipfs/" + kCid + "\"", kPage), "/ipfs/" + kCid);
  EXPECT_EQ(meant(R"("bert")", kPage), "bert");
}

TEST(ModelNames, AddressesAreResolvedAsTheRfcSays) {
  const std::string base = "http://a/b/c/d;p?q";  // RFC 3986, 5.4
  for (const auto& [reference, address] : std::vector<std::pair<std::string, std::string>>{
           {"g", "http://a/b/c/g"},
           {"./g", "http://a/b/c/g"},
           {"g/", "http://a/b/c/g/"},
           {"/g", "http://a/g"},
           {"//g", "http://g"},
           {"g?y", "http://a/b/c/g?y"},
           {".", "http://a/b/c/"},
           {"./", "http://a/b/c/"},
           {"..", "http://a/b/"},
           {"../g", "http://a/b/g"},
           {"../..", "http://a/"},
           {"../../../g", "http://a/g"},
           {"/./g", "http://a/g"},
           {"/../g", "http://a/g"},
           {"g;x=1/../y", "http://a/b/c/y"},
           {"./g/.", "http://a/b/c/g/"},
           {"http://x/y", "http://x/y"},
       })
    EXPECT_EQ(resolve_address(base, reference), address) << reference;
  EXPECT_EQ(resolve_address("http://a", "g"), "http://a/g");
  EXPECT_EQ(resolve_address("file:///a/b", "g"), "g");
}

TEST(ModelNames, AResultNamesTheModelAsTheCallerDid) {
  EXPECT_EQ(call_for(R"("./x")", kPage)->name, "./x");
  EXPECT_EQ(call_for(R"({"cid": "abc"})")->name, "abc");
  EXPECT_EQ(call_for(R"({"folder": "x"})")->name, "x");
}

TEST(JsonForms, OfErrorsAndSegments) {
  EXPECT_EQ(Json(Error{ErrorCode::kNotFound, "no \"x\""}).dump(), R"({"code":"not_found","message":"no \"x\""})");
  RunResult result;
  EXPECT_EQ(Json::parse(result.to_json())["segments"], Json::array());
  result.segments = {{"webgpu", 3, ""}, {"cpu", 1, "no attention here"}};
  const Json expected = {{{"platform", "webgpu"}, {"nodes", 3}, {"reason", ""}},
                         {{"platform", "cpu"}, {"nodes", 1}, {"reason", "no attention here"}}};
  EXPECT_EQ(Json::parse(result.to_json())["segments"], expected);
}

TEST(Gateways, WhoIsAsked) {
  using Names = std::vector<std::string>;
  const auto asked = [](const std::string& model, const std::string& page, const std::string& config) {
    return call_for(model, page, config)->request.config.gateways;
  };
  const std::string with = R"({"origin": "https://here.test", "gateways": ["https://set.test"]})";
  EXPECT_EQ(asked(R"("x")", "{}", "{}"), Names{});
  EXPECT_EQ(asked(R"("x")", kPage, "{}"), Names{"https://here.test"});
  EXPECT_EQ(asked(R"("x")", kPage, R"({"gateways": []})"), Names{"https://here.test"});
  EXPECT_EQ(asked(R"("x")", R"({"origin": "null"})", "{}"), Names{});
  EXPECT_EQ(asked(R"("x")", with, "{}"), Names{"https://set.test"});
  EXPECT_EQ(asked(R"("x")", with, R"({"gateways": ["https://mine.test"]})"), Names{"https://mine.test"});
  EXPECT_EQ(asked(R"({"cid": "c", "gateway": "https://first.test"})", kPage, "{}"),
            (Names{"https://first.test", "https://here.test"}));
  EXPECT_EQ(asked(R"({"cid": "c", "gateway": ""})", kPage, "{}"), Names{"https://here.test"});
  EXPECT_EQ(call_for(R"("x")", R"({"gateways": [7]})").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(call_for(R"("x")", R"({"gateway": []})").error().code, ErrorCode::kUnknownOption);
}

TEST(Options, ByTheirOtherNames) {
  const auto config = [](const std::string& json) { return call_for(R"("x")", "{}", json); };
  EXPECT_EQ(config(R"({"platform": "wasm"})")->request.config.platform, "cpu");
  EXPECT_EQ(config(R"({"device": "wasm"})")->request.config.platform, "cpu");
  EXPECT_EQ(config(R"({"device": "webgpu", "dtype": "fp16"})")->request.config.platform, "webgpu");
  EXPECT_EQ(config(R"({"dtype": "fp16"})")->request.config.precision, 16);
  EXPECT_EQ(config(R"({"dtype": "fp32"})")->request.config.precision, 32);
  EXPECT_EQ(config(R"({"dtype": "q8"})").error().code, ErrorCode::kUnsupportedPrecision);
  EXPECT_EQ(config(R"({"device": 7})").error().code, ErrorCode::kInvalidArgument);
}

std::string problem_of(const Config& config, int processors = 2) {
  const Result<> checked = check_config(config, processors);
  return checked ? "" : std::string(error_name(checked.error().code)) + ": " + checked.error().message;
}

TEST(Options, NumbersThatAreTooLargeNameTheLimit) {
  const auto message = [](const char* json) {
    const auto config = Config::from_json(json);
    return config ? problem_of(*config) : config.error().message;
  };
  EXPECT_EQ(message(R"({"top_k": 1000000})"), "");
  EXPECT_EQ(message(R"({"top_k": 2147483647})"), "invalid_argument: top_k is 2147483647; it must be 1 to 1000000");
  for (const char* huge : {"2147483648", "-2147483649", "18446744073709551615"}) {
    EXPECT_EQ(message(std::format(R"({{"top_k": {}}})", huge).c_str()),
              std::format("option 'top_k' must be a whole number from -2147483648 to 2147483647, not {}", huge));
  }
  EXPECT_EQ(message(R"({"top_k": 1.5})"), "option 'top_k' must be a whole number, not 1.5");
}

// Also where nothing has to be fetched: it would fail on the day it is needed.
TEST(Options, GatewaysAreChecked) {
  Config config;
  config.gateways = {"https://here.test", "http://127.0.0.1:8080/"};
  EXPECT_EQ(problem_of(config), "");
  config.gateways.emplace_back("here.test");
  EXPECT_EQ(problem_of(config),
            "invalid_argument: \"here.test\" is no gateway; write it as http://host:port or https://host");
}

TEST(Options, ThreadsHaveALimit) {
  const auto check = [](int threads, int processors) {
    Config config;
    config.threads = threads;
    return problem_of(config, processors);
  };
  EXPECT_EQ(check(0, 2), "");
  EXPECT_EQ(check(64, 2), "");
  EXPECT_EQ(check(65, 2), "invalid_argument: threads is 65; it must be 1 to 64, or 0 for all");
  EXPECT_EQ(check(-1, 2), "invalid_argument: threads is -1; it must be 1 to 64, or 0 for all");
  EXPECT_EQ(check(192, 48), "");
  EXPECT_EQ(check(193, 48), "invalid_argument: threads is 193; it must be 1 to 192, or 0 for all");
}

/// {"dims"} or {"answer"} of a pipeline.
Json answer_of(const char* inputs, const char* config, const std::vector<Answer>& answers) {
  const Result<Call> call = read_call(std::format(R"({{"inputs": {}, "config": {}}})", inputs, config));
  return Json::parse("{" + pipeline_answer(call.value(), answers) + "}", nullptr, false);
}

TEST(Calls, TensorsByName) {
  const auto read = [](const char* tensors) { return read_call(std::format(R"({{"tensors": {}}})", tensors)); };
  const auto call =
      read(R"({"ids": {"shape": [1, 2], "ints": [3, -4]}, "pixels": {"shape": [2], "values": [0.5, 1]}})");
  ASSERT_TRUE(call) << call.error().message;
  ASSERT_EQ(call->given.tensors.size(), 2u);
  EXPECT_EQ(call->given.tensors[0].second.shape, (Shape{1, 2}));
  EXPECT_EQ(call->given.tensors[0].second.i32s()[1], -4);
  EXPECT_EQ(call->given.tensors[1].second.f32s()[0], 0.5f);
  for (const char* bad : {"[]", R"({"x": 7})", R"({"x": {"shape": [1]}})", R"({"x": {"shape": [-1], "ints": []}})",
                          R"({"x": {"shape": [2], "ints": [1]}})", R"({"x": {"shape": [1], "ints": [0.5]}})",
                          R"({"x": {"shape": [1], "ints": [2147483648]}})", R"({"x": {"shape": [1], "values": ["a"]}})",
                          R"({"x": {"shape": 1, "values": [1]}})"}) {
    EXPECT_EQ(read(bad).error().code, ErrorCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(read(R"({"x": {"shape": [2147483647, 2147483647], "ints": []}})").error().code, ErrorCode::kLimitExceeded);
}

TEST(Pipelines, AnswersAreShapedByKind) {
  const Labels even{{{"even", 0.75}, {"odd", 0.25}}}, odd{{{"odd", 1}, {"even", 0}}};
  const Json both = Json::parse(R"([{"label": "even", "score": 0.75}, {"label": "odd", "score": 0.25}])");
  EXPECT_EQ(answer_of(R"(["a", "b"])", "{}", {Embedding{{1, 2, 3}}, Embedding{{4, 5, 6}}}),
            Json::parse(R"({"dims": [2, 3]})"));
  EXPECT_EQ(answer_of(R"("a")", "{}", {Embedding{{1, 2, 3}}}), Json::parse(R"({"dims": [1, 3]})"));
  EXPECT_EQ(answer_of(R"(["a", "b"])", "{}", {even, odd}),
            Json::parse(R"({"answer": [{"label": "even", "score": 0.75}, {"label": "odd", "score": 1.0}]})"));
  EXPECT_EQ(answer_of(R"("a")", "{}", {even})["answer"], Json::array({both[0]}));
  EXPECT_EQ(answer_of(R"("a")", R"({"top_k": 2})", {even})["answer"], both);
  EXPECT_EQ(answer_of(R"(["a"])", R"({"top_k": 2})", {even})["answer"], Json::array({both}));
  EXPECT_EQ(answer_of(R"("a")", R"({"task": "text-classification"})", {even})["answer"], Json::array({both[0]}));
  EXPECT_EQ(answer_of(R"("a")", R"({"task": "image-classification"})", {even})["answer"], both);
  EXPECT_EQ(answer_of(R"(["a"])", R"({"task": "image-classification", "top_k": 1})", {even})["answer"],
            Json::array({both}));
  const MaskFills fills{{{{0.5, 1, "x", "x y"}}}};
  EXPECT_EQ(answer_of(R"("a")", R"({"top_k": 1})", {fills}),
            Json::parse(R"({"answer": [{"score": 0.5, "token": 1, "token_str": "x", "sequence": "x y"}]})"));
}

TEST(Pipelines, AGeneratedTextBeginsWithItsPromptWhereItGoesOnFromIt) {
  const std::vector<Answer> one = {GeneratedText{" b", {1}, "stop"}}, two = {one[0], GeneratedText{" d", {2}, "stop"}};
  const auto gives = [](const char* inputs, const char* config, const std::vector<Answer>& answers) {
    return answer_of(inputs, config, answers)["answer"].dump();
  };
  const char* const going_on = R"({"task": "text-generation"})";
  EXPECT_EQ(gives(R"("a")", going_on, one), R"([{"generated_text":"a b"}])");
  EXPECT_EQ(gives(R"(["a", "c"])", going_on, two), R"([[{"generated_text":"a b"}],[{"generated_text":"c d"}]])");
  const char* const only_new = R"({"task": "text-generation", "return_full_text": false})";
  EXPECT_EQ(gives(R"(["a"])", only_new, one), R"([[{"generated_text":" b"}]])");
  EXPECT_EQ(gives(R"("a")", "{}", one), R"([{"generated_text":" b"}])") << "of a task that answers the text";
  EXPECT_EQ(gives(R"(["a", "c"])", "{}", two), R"([{"generated_text":" b"},{"generated_text":" d"}])");
  EXPECT_EQ(read_call(R"({"config": {"return_full_text": 1}})").error().code, ErrorCode::kInvalidArgument);
}

TEST(Answers, AsJson) {
  EXPECT_EQ(to_json(Embedding{{0.5f, 0.1f}}), "[0.5,0.10000000149011612]");
  EXPECT_EQ(to_json(Labels{{{"a\xff", 0.25}}}), "[{\"label\":\"a\uFFFD\",\"score\":0.25}]");
  const MaskFill fill{0.5, 7, "x", "x y"};
  const std::string one = R"([{"score":0.5,"sequence":"x y","token":7,"token_str":"x"}])";
  EXPECT_EQ(to_json(MaskFills{{{fill}}}), one);
  EXPECT_EQ(to_json(MaskFills{{{fill}, {fill}}}), "[" + one + "," + one + "]");
  EXPECT_EQ(to_json(GeneratedText{"hi", {3, 4}, "length"}), R"({"text":"hi","tokens":[3,4],"finish_reason":"length"})");
  RunResult result;
  EXPECT_TRUE(Json::parse(result.to_json())["answer_kind"].is_null());
  result.answers = {Labels{}, Labels{}};
  EXPECT_EQ(Json::parse(result.to_json())["answer_kind"], "labels");
  EXPECT_EQ(Json::parse(result.to_json())["output"], Json::parse("[[],[]]"));
}

TEST(Events, AsTransformersJsTellsThem) {
  const auto told = [](const LoadEvent& event) { return Json::parse(event_json("bert", event), nullptr, false); };
  EXPECT_EQ(told({"initiate", "config.json", "ipfs", {}, 0, 40}),
            Json::parse(R"({"status": "initiate", "name": "bert", "file": "config.json", "source": "ipfs"})"));
  EXPECT_EQ(told({"progress", "config.json", "ipfs", {}, 10, 40}),
            Json::parse(R"({"status": "progress", "name": "bert", "file": "config.json", "source": "ipfs", "loaded": 10,
                            "total": 40, "progress": 25.0})"));
  EXPECT_EQ(told({"progress", "empty", {}, {}, 0, 0})["progress"], 100.0);
  EXPECT_EQ(told({"ready", {}, "cache", "fill-mask", 0, 0}),
            Json::parse(R"({"status": "ready", "name": "bert", "model": "bert", "source": "cache",
                            "task": "fill-mask"})"));
}

TEST(Events, OfATextBeingGenerated) {
  EXPECT_EQ(Json::parse(event_json("gpt", TextEvent{2, 7, "lamp", true})),
            Json::parse(R"({"status": "text", "item": 2, "token": 7, "text": "lamp", "end": true})"));
}

TEST(Browsers, ByWhatTheySay) {
  EXPECT_EQ(browser_name("Node.js/22"), "node");
  EXPECT_EQ(browser_name("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "firefox");
  EXPECT_EQ(browser_name("Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/153.0 Safari/537.36"),
            "chrome");
  EXPECT_EQ(browser_name("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0 Safari/537.36 Edg/153.0"),
            "edge");
  EXPECT_EQ(browser_name("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26 Safari/605.1.15"),
            "safari");
  EXPECT_EQ(browser_name(""), "unknown");
}

}  // namespace
}  // namespace ipfs_accelerate
