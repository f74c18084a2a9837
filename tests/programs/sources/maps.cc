// SPDX-License-Identifier: MIT
// maps.cc: `maps COUNT`: containers of the C++ library, and exceptions.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

static unsigned long hash(const std::string &text)
{
        unsigned long h = 5381;

        for (char c : text)
                h = h * 33 + static_cast<unsigned char>(c);
        return h;
}

static int deep(const std::map<std::string, std::string> &map, int depth)
{
        std::string own = "frame " + std::to_string(depth) + " with something to free";

        if (depth == 0)
                return static_cast<int>(map.at("not there").size());
        return deep(map, depth - 1) + static_cast<int>(own.size());
}

int main(int argc, char **argv)
{
        unsigned long count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000, sum = 0;
        std::map<std::string, std::string> map;
        std::unordered_map<unsigned long, std::unique_ptr<std::string>> index;
        std::deque<std::string> queue;
        int caught = 0;

        for (unsigned long i = 0; i < count; i++) {
                std::string key = "key " + std::to_string(i * 2654435761UL % 4294967296UL);

                map[key] = key + " has the value " + std::to_string(i) + " and a tail of some length";
                index[i] = std::make_unique<std::string>(map[key]);
                queue.push_back(key);
                if (i % 3 == 0)
                        queue.pop_front();
        }
        for (const auto &[key, value] : map)
                sum = sum * 31 + hash(key) + hash(value);
        std::printf("%zu %zu %zu %lu\n", map.size(), index.size(), queue.size(), sum);

        for (int i = 0; i < 200; i++) {
                try {
                        deep(map, 50);
                } catch (const std::out_of_range &) {
                        caught++;
                }
        }
        try {
                std::vector<char> much(~0UL >> 2);
                std::printf("not expected: %zu\n", much.size());
        } catch (const std::bad_alloc &) {
                caught++;
        }
        auto later = std::async(std::launch::async, [&map]() -> int { return deep(map, 20); });
        try {
                later.get();
        } catch (const std::exception &) {
                caught++;
        }
        std::printf("caught %d\n", caught);

        std::vector<std::string> values(queue.begin(), queue.end());
        std::stable_sort(values.begin(), values.end(), [](const auto &a, const auto &b) {
                return hash(a) % 1000 < hash(b) % 1000;
        });
        std::regex digits("([0-9]+)7$");
        auto matching = std::count_if(values.begin(), values.begin() + static_cast<long>(values.size() / 20),
                                      [&](const auto &v) { return std::regex_search(v, digits); });
        std::printf("%s %ld\n", values[values.size() / 2].c_str(), static_cast<long>(matching));
        return 4;
}
