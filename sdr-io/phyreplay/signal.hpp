// What the simulated antenna hears before any channel or fault: a function of the sample's number.
#pragma once
#include "args.hpp"
#include <complex>
#include <memory>

namespace phyreplay {

using Sample = std::complex<float>;

class Signal {
  public:
    virtual ~Signal() = default;
    // `n` samples from number `index` of `channel`, full scale 1. `bits` is the width of the codes they become: 8 or 16.
    virtual void get(size_t channel, uint64_t index, size_t n, int bits, Sample *out) const = 0;
    // How many there are; the largest number where there is no end.
    virtual uint64_t samples() const { return UINT64_MAX; }
    // What a recording says of itself; 0 where it does not.
    double sample_rate = 0.0, frequency = 0.0;
};

std::unique_ptr<Signal> make_signal(Args &args);

} // namespace phyreplay
