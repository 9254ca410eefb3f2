// The body of std::format compiled once instead of in every file that formats. Only the precompiled header includes
// this: a file that formats includes <format>, and compiles without this too. libstdc++ 16 does the same for C++20, but
// not for C++23.
#pragma once

#include <format>

#if defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE == 16
#define IA_FORMAT_ONCE 1
extern template std::__format::_Sink_iter<char> std::__format::__do_vformat_to<char, 1>(std::__format::_Sink_iter<char>,
                                                                                        std::string_view,
                                                                                        std::format_context&);
#endif
