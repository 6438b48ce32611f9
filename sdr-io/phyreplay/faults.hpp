// What goes wrong, when, and how the driver tells of it.
#pragma once
#include "args.hpp"

namespace phyreplay {

struct Faults {
    // How a driver tells of a loss.
    enum Code { in_line, status, late, none, timeout, abrupt };
    // What the time of the first block after the loss says.
    enum Clock { right, backward, bogus, missing, frozen, reset };
    enum Unplug { error, silent, exception, unsupported, zero };

    uint64_t every;        // samples handed over between two losses; 0: no loss
    uint64_t least, most;  // samples lost each time
    Code code;
    Clock clock;
    bool short_reads;
    uint64_t timeout_every; // handed over between two timeouts that lose nothing; 0: none
    uint64_t stall_at;
    double stall_seconds;
    uint64_t unplug_at; // UINT64_MAX: never
    Unplug unplug;
    double rate_ppm, frequency_ppm; // what the device really does beside what was asked for
    uint64_t seed;

    explicit Faults(Args &args) {
        static const char *const codes[] = {"inline", "status", "late", "none", "timeout", "abrupt"};
        static const char *const clocks[] = {"right", "backward", "bogus", "missing", "frozen", "reset"};
        static const char *const plugs[] = {"error", "timeout", "exception", "unsupported", "zero"};
        constexpr uint64_t MOST = uint64_t(1) << 50;
        every = args.count("overflow.every", 0, MOST);
        least = args.count("overflow.samples", 4096, MOST);
        most = args.count("overflow.most", least, MOST);
        if (least < 1 || most < least) throw std::runtime_error("phyreplay: 1 <= overflow.samples <= overflow.most is needed");
        code = Code(args.choice("overflow.code", codes));
        clock = Clock(args.choice("overflow.time", clocks));
        short_reads = args.flag("short", false);
        timeout_every = args.count("timeout.every", 0, MOST);
        stall_at = args.count("stall.at", UINT64_MAX / 2, MOST);
        stall_seconds = args.number("stall.seconds", 0.0, 0.0, 1e6);
        unplug_at = args.count("unplug.at", UINT64_MAX / 2, MOST);
        unplug = Unplug(args.choice("unplug", plugs));
        rate_ppm = args.number("rate.ppm", 0.0, -1e6, 1e6);
        frequency_ppm = args.number("freq.ppm", 0.0, -1e6, 1e6);
        seed = args.count("seed", 1, UINT32_MAX);
    }

    // Samples of the loss with this number: uniform on a logarithmic scale.
    uint64_t lost(uint64_t number) const {
        if (least == most) return least;
        const double span = std::log(double(most) / double(least));
        return std::min(most, uint64_t(double(least) * std::exp(span * uniform(seed, number))));
    }
};

// What is wrong with the samples themselves.
struct Blemishes {
    double dc, level_db, noise_db, agc_step_db;
    uint64_t agc_every;

    explicit Blemishes(Args &args) {
        dc = args.number("dc", 0.0, -1.0, 1.0);
        level_db = args.number("level", 0.0, -200.0, 200.0);
        noise_db = args.number("noise", -1000.0, -1000.0, 100.0);
        agc_every = args.count("agc.every", 0, uint64_t(1) << 50);
        agc_step_db = args.number("agc.step", 6.0, -100.0, 100.0);
    }
};

} // namespace phyreplay
