#include "ether.hpp"
#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace phyreplay {
namespace {

constexpr size_t WAVES = 16;
constexpr size_t KEPT = 4096;               // bursts remembered
constexpr uint32_t MOST = 1u << 22;         // samples of one record
constexpr uint64_t MAGIC = 0x31726961796870; // "phyair1"

struct Record {
    uint64_t magic;
    int64_t time;
    uint32_t samples, reserved;
};

bool write_all(int file, const void *data, size_t bytes) {
    const char *at = static_cast<const char *>(data);
    while (bytes) {
        const ssize_t n = write(file, at, bytes);
        if (n <= 0) return false;
        at += n;
        bytes -= size_t(n);
    }
    return true;
}

uint64_t hash(uint64_t seed, const std::string &text) {
    for (const char c : text) seed = mix(seed, uint64_t(uint8_t(c)));
    return seed;
}

} // namespace

void Channel::gains(const std::string &a, const std::string &b, int64_t time, std::complex<double> *out) const {
    const uint64_t pair = hash(hash(mix(seed_, 1), std::min(a, b)), std::max(a, b));
    const double t = double(time % 1000000000000) * 1e-9; // a quarter of an hour, then again: keeps the phases exact
    double total = 0.0;
    for (size_t tap = 0; tap < taps_; tap++) total += std::exp(-double(tap));
    for (size_t tap = 0; tap < taps_; tap++) {
        std::complex<double> sum;
        for (size_t wave = 0; wave < WAVES; wave++) {
            const uint64_t place = 2 * (tap * WAVES + wave);
            const double phase = 2 * M_PI * uniform(pair, place);
            const double angle = 2 * M_PI * (double(wave) + uniform(pair, place + 1)) / WAVES;
            sum += std::polar(1.0, 2 * M_PI * doppler_ * std::cos(angle) * t + phase);
        }
        out[tap] = sum * std::sqrt(std::exp(-double(tap)) / total / WAVES);
    }
}

Ether::Ether(Args &args)
    : mode_(Mode::none), id_(args.text("id", "phyreplay")), folder_(args.text("air", "")),
      channel_(args.count("channel.seed", 1, UINT32_MAX), args.count("channel.taps", 1, 64),
               args.number("channel.doppler", 0.0, 0.0, 1e5)) {
    if (channel_.taps() == 0) throw std::runtime_error("phyreplay: channel.taps must be at least 1");
    const auto tx = args.text("tx", "");
    if (id_.empty() || id_.find('/') != std::string::npos)
        throw std::runtime_error("phyreplay: id must be a name without a slash");
    if (!folder_.empty() && !tx.empty()) throw std::runtime_error("phyreplay: air and tx exclude each other");
    std::string path;
    if (!folder_.empty()) {
        mode_ = Mode::air;
        mkdir(folder_.c_str(), 0777);
        path = folder_ + "/" + id_ + ".air";
    } else if (tx == "loop") {
        mode_ = Mode::loop;
    } else if (!tx.empty()) {
        mode_ = Mode::file;
        path = tx;
    }
    if (!path.empty()) {
        file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
        if (file_ < 0) throw std::runtime_error("phyreplay: cannot write the file " + path);
    }
}

Ether::~Ether() {
    if (file_ >= 0) close(file_);
    for (const auto &other : others_) close(other.second.first);
}

void Ether::send(int64_t time, double rate, const Sample *samples, size_t n) {
    (void)rate;
    switch (mode_) {
    case Mode::none: return;
    case Mode::file:
        if (!write_all(file_, samples, n * sizeof *samples)) throw std::runtime_error("phyreplay: cannot write what is transmitted");
        return;
    case Mode::loop: bursts_.push_back({id_, time, {samples, samples + n}}); break;
    case Mode::air: {
        const Record record{MAGIC, time, uint32_t(n), 0};
        std::vector<char> bytes(sizeof record + n * sizeof *samples);
        std::memcpy(bytes.data(), &record, sizeof record);
        std::memcpy(bytes.data() + sizeof record, samples, n * sizeof *samples);
        if (!write_all(file_, bytes.data(), bytes.size())) throw std::runtime_error("phyreplay: cannot write to the air");
        break;
    }
    }
    while (bursts_.size() > KEPT) bursts_.pop_front();
}

// New records of the other ends. A record that is not whole yet is read next time.
void Ether::collect() {
    DIR *folder = opendir(folder_.c_str());
    if (!folder) return;
    while (const dirent *entry = readdir(folder)) {
        const std::string name = entry->d_name;
        if (name.size() <= 4 || name.compare(name.size() - 4, 4, ".air") != 0 || name == id_ + ".air") continue;
        if (others_.count(name)) continue;
        const int file = open((folder_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC);
        if (file >= 0) others_[name] = {file, 0};
    }
    closedir(folder);
    for (auto &other : others_) {
        auto &[file, at] = other.second;
        struct stat stat {};
        if (fstat(file, &stat) == 0 && uint64_t(stat.st_size) < at) at = 0; // the other end began afresh
        Record record;
        while (pread(file, &record, sizeof record, off_t(at)) == ssize_t(sizeof record)) {
            if (record.magic != MAGIC || record.samples > MOST) break;
            Burst burst{other.first.substr(0, other.first.size() - 4), record.time, std::vector<Sample>(record.samples)};
            const size_t bytes = record.samples * sizeof(Sample);
            if (pread(file, burst.samples.data(), bytes, off_t(at + sizeof record)) != ssize_t(bytes)) break;
            at += sizeof record + bytes;
            bursts_.push_back(std::move(burst));
        }
    }
    while (bursts_.size() > KEPT) bursts_.pop_front();
}

void Ether::receive(int64_t time, double rate, size_t n, Sample *out) {
    if (silent()) return;
    if (mode_ == Mode::air) collect();
    constexpr size_t STEP = 64; // samples over which the channel is held
    std::vector<std::complex<double>> gains(channel_.taps());
    for (const auto &burst : bursts_) {
        const auto shift = int64_t(std::llround(double(burst.time - time) * 1e-9 * rate));
        const auto length = int64_t(burst.samples.size() + channel_.taps() - 1);
        const int64_t from = std::max<int64_t>(shift, 0), to = std::min(shift + length, int64_t(n));
        for (int64_t start = from; start < to; start += STEP) {
            channel_.gains(burst.from, id_, time + int64_t(double(start) / rate * 1e9), gains.data());
            for (int64_t i = start; i < std::min(start + int64_t(STEP), to); i++) {
                std::complex<double> sum;
                for (size_t tap = 0; tap < gains.size(); tap++) {
                    const int64_t k = i - shift - int64_t(tap);
                    if (k >= 0 && k < int64_t(burst.samples.size())) sum += gains[tap] * std::complex<double>(burst.samples[size_t(k)]);
                }
                out[i] += Sample(sum);
            }
        }
    }
}

} // namespace phyreplay
