# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A C++ file that has little but headers, preprocessed, compiled, assembled and linked.
packages="g++"
large=yes
needs="g++"

prepare() {
        cat >small.cc <<'END'
#include <iostream>
#include <map>
#include <string>

int main()
{
        std::map<std::string, int> map{{"one", 1}, {"two", 2}};
        for (const auto &[key, value] : map)
                std::cout << key << value << std::endl;
}
END
}

program() {
        "$@" g++ -std=c++17 -O1 "$input/small.cc" -o small
        ./small
}
