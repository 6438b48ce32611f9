// Where transmitted samples go: into a file, back to the own receiver, or to the receivers of other processes, through
// a simulated channel that is the same in both directions.
#pragma once
#include "args.hpp"
#include "signal.hpp"
#include <deque>
#include <map>
#include <vector>

namespace phyreplay {

// Samples on the air, from `time` on.
struct Burst {
    std::string from;
    int64_t time; // nanoseconds
    std::vector<Sample> samples;
};

// Taps that vary as in the field: each is a sum of plane waves with Doppler shifts (Clarke's model), a function of
// the two ends' names and the time, and so the same from A to B as from B to A.
class Channel {
  public:
    Channel(uint64_t seed, size_t taps, double doppler) : seed_(seed), taps_(taps), doppler_(doppler) {}
    size_t taps() const { return taps_; }
    // All taps at `time`, in nanoseconds, between two ends; mean total power 1.
    void gains(const std::string &a, const std::string &b, int64_t time, std::complex<double> *out) const;

  private:
    uint64_t seed_;
    size_t taps_;
    double doppler_;
};

class Ether {
  public:
    explicit Ether(Args &args);
    ~Ether();
    bool transmits() const { return mode_ != Mode::none; }
    bool silent() const { return mode_ == Mode::none || mode_ == Mode::file; }
    // Puts samples on the air.
    void send(int64_t time, double rate, const Sample *samples, size_t n);
    // Adds what is on the air from `time` on to `out`.
    void receive(int64_t time, double rate, size_t n, Sample *out);

  private:
    enum class Mode { none, file, loop, air };
    void collect();

    Mode mode_;
    std::string id_, folder_;
    Channel channel_;
    int file_ = -1;
    std::deque<Burst> bursts_;
    std::map<std::string, std::pair<int, uint64_t>> others_; // descriptor and bytes read so far
};

} // namespace phyreplay
