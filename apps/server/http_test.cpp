// Tests of request targets and of who may ask.
#include "http.h"

#include <gtest/gtest.h>

namespace ipfs_accelerate::server {
namespace {

TEST(ParseTarget, DecodesPathAndQuery) {
  Request request;
  ASSERT_TRUE(parse_target("/ipfs/a%20b?format=car&dag-scope=block&x=1+2&x=3&flag", request));
  EXPECT_EQ(request.path, "/ipfs/a b");
  EXPECT_EQ(request.query.at("format"), "car");
  EXPECT_EQ(request.query.at("x"), "1 2") << "the first of equal keys";
  EXPECT_EQ(request.query.at("flag"), "");
}

TEST(ParseTarget, RefusesWhatIsNoTarget) {
  for (const char* bad : {"", "*", "ipfs/x", "http://evil/", "/%", "/%4", "/%zz", "/%00", "/?a=%00", "/?%g0=1"}) {
    Request request;
    EXPECT_FALSE(parse_target(bad, request)) << bad;
  }
}

Request with(const std::string& name, const std::string& value) {
  Request request;
  request.headers = {{"host", "localhost:8080"}};
  request.headers[name] = value;
  return request;
}

TEST(Access, KnowsItsHosts) {
  Access access;
  access.hosts.push_back("models.example");
  for (const char* good : {"localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "models.example:443"}) {
    EXPECT_FALSE(access.check_host(with("host", good))) << good;
  }
  for (const char* bad :
       {"evil.example", "localhost.evil", "127.0.0.1.evil", "[::2]", "[::1", "localhost:80:80", " localhost", "::1"}) {
    const auto refused = access.check_host(with("host", bad));
    ASSERT_TRUE(refused) << bad;
    EXPECT_EQ(refused->status, 403u) << bad;
  }
  EXPECT_EQ(access.check_host(with("host", ""))->status, 400u);
}

TEST(Access, KnowsItsOrigins) {
  const Access access;
  EXPECT_FALSE(access.check_origin(with("host", "localhost")));
  EXPECT_FALSE(access.check_origin(with("origin", "http://localhost:8080")));
  EXPECT_FALSE(access.check_origin(with("sec-fetch-site", "same-origin")));
  for (const char* bad : {"http://evil.example", "null", "localhost", "http://localhost@evil.example"}) {
    EXPECT_TRUE(access.check_origin(with("origin", bad))) << bad;
  }
  EXPECT_TRUE(access.check_origin(with("sec-fetch-site", "cross-site")));
}

TEST(ErrorResponse, CarriesTheCode) {
  const Response response = error_response({ErrorCode::kNotFound, "no \"x\""});
  EXPECT_EQ(response.status, 404u);
  EXPECT_EQ(response.body, "{\"error\":{\"code\":\"not_found\",\"message\":\"no \\\"x\\\"\"}}\n");
}

}  // namespace
}  // namespace ipfs_accelerate::server
