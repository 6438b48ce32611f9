// Device arguments by name and type. What is not known is refused: a fault that was mistyped would never come.
#pragma once
#include <SoapySDR/Types.hpp>
#include <cmath>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>

namespace phyreplay {

class Args {
  public:
    explicit Args(const SoapySDR::Kwargs &args) : args_(args), known_{"driver", "label", "soapy", "module"} {}

    std::string text(const std::string &key, const std::string &otherwise) {
        known_.insert(key);
        const auto found = args_.find(key);
        return found == args_.end() ? otherwise : found->second;
    }

    double number(const std::string &key, double otherwise, double least, double most) {
        const auto value = text(key, "");
        if (value.empty()) return otherwise;
        size_t used = 0;
        double x = NAN;
        try {
            x = std::stod(value, &used);
        } catch (const std::exception &) {
        }
        if (used != value.size() || !(x >= least && x <= most))
            fail(key, "a number from " + std::to_string(least) + " to " + std::to_string(most), value);
        return x;
    }

    uint64_t count(const std::string &key, uint64_t otherwise, uint64_t most) {
        return uint64_t(number(key, double(otherwise), 0.0, double(most)));
    }

    bool flag(const std::string &key, bool otherwise) {
        const auto value = text(key, otherwise ? "true" : "false");
        if (value == "true" || value == "1") return true;
        if (value == "false" || value == "0") return false;
        fail(key, "true or false", value);
    }

    // One of `choices`, by its place among them; the first where nothing is said.
    template <size_t N> size_t choice(const std::string &key, const char *const (&choices)[N]) {
        const auto value = text(key, choices[0]);
        std::string all;
        for (size_t i = 0; i < N; i++) {
            if (value == choices[i]) return i;
            all += (i ? ", " : "") + std::string(choices[i]);
        }
        fail(key, "one of " + all, value);
    }

    void refuse_unknown() const {
        for (const auto &pair : args_)
            if (!known_.count(pair.first)) throw std::runtime_error("phyreplay: the argument " + pair.first + " is not known");
    }

  private:
    [[noreturn]] static void fail(const std::string &key, const std::string &rule, const std::string &got) {
        throw std::runtime_error("phyreplay: " + key + " must be " + rule + ", got " + got);
    }

    const SoapySDR::Kwargs args_;
    std::set<std::string> known_;
};

// Random numbers by their place: the same at every reading, whatever was read before (splitmix64).
inline uint64_t mix(uint64_t seed, uint64_t place) {
    uint64_t z = seed + (place + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

inline double uniform(uint64_t seed, uint64_t place) { return double(mix(seed, place) >> 11) * 0x1p-53; }

} // namespace phyreplay
