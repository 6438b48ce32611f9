#include "signal.hpp"
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace phyreplay {
namespace {

// Each sample names its own number: 16 low bits in I, 16 high bits in Q (8 and 8 where samples are CS8). Channel c
// has the number plus c * 2^30, so that exchanged channels are seen too.
class Ramp : public Signal {
    void get(size_t channel, uint64_t index, size_t n, int bits, Sample *out) const override {
        const uint32_t first = uint32_t(index) + (uint32_t(channel) << (bits == 8 ? 14 : 30));
        if (bits == 8)
            for (size_t i = 0; i < n; i++) {
                const uint32_t k = first + uint32_t(i);
                out[i] = {float(int8_t(k)) * 0x1p-7f, float(int8_t(k >> 8)) * 0x1p-7f};
            }
        else
            for (size_t i = 0; i < n; i++) {
                const uint32_t k = first + uint32_t(i);
                out[i] = {float(int16_t(k)) * 0x1p-15f, float(int16_t(k >> 16)) * 0x1p-15f};
            }
    }
};

class Zero : public Signal {
    void get(size_t, uint64_t, size_t n, int, Sample *out) const override { std::fill(out, out + n, Sample()); }
};

// A tone at an eighth of the sample rate, amplitude a half; the second channel a quarter turn later.
class Tone : public Signal {
    void get(size_t channel, uint64_t index, size_t n, int, Sample *out) const override {
        for (size_t i = 0; i < n; i++) out[i] = std::polar(0.5f, float((index + i + 2 * channel) % 8) * float(M_PI / 4));
    }
};

// A raw file or the dataset of a SigMF recording, mapped into memory.
class File : public Signal {
  public:
    File(std::string path, std::string datatype, size_t channels, bool repeat) : channels_(channels), repeat_(repeat) {
        const std::string meta = ".sigmf-meta";
        if (path.size() > meta.size() && path.compare(path.size() - meta.size(), meta.size(), meta) == 0) {
            const auto text = read_meta(path);
            datatype = value(text, "core:datatype");
            const auto rate = value(text, "core:sample_rate"), hertz = value(text, "core:frequency");
            const auto stored = value(text, "core:num_channels");
            sample_rate = rate.empty() ? 0.0 : std::strtod(rate.c_str(), nullptr);
            frequency = hertz.empty() ? 0.0 : std::strtod(hertz.c_str(), nullptr);
            channels_ = stored.empty() ? 1 : size_t(std::strtoul(stored.c_str(), nullptr, 10));
            path.replace(path.size() - meta.size(), meta.size(), ".sigmf-data");
        }
        if (datatype == "cf32_le") kind_ = Kind::cf32;
        else if (datatype == "ci16_le") kind_ = Kind::ci16;
        else if (datatype == "ci8") kind_ = Kind::ci8;
        else if (datatype == "cu8") kind_ = Kind::cu8;
        else throw std::runtime_error("phyreplay: datatype must be cf32_le, ci16_le, ci8 or cu8, got " + datatype);
        if (channels_ < 1 || channels_ > 64) throw std::runtime_error("phyreplay: a recording of 1 to 64 channels is needed");
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat stat {};
        if (file < 0 || fstat(file, &stat) != 0 || !S_ISREG(stat.st_mode)) {
            if (file >= 0) close(file);
            throw std::runtime_error("phyreplay: cannot read the file " + path);
        }
        bytes_ = size_t(stat.st_size);
        samples_ = bytes_ / (width() * channels_);
        map_ = samples_ ? mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
        close(file);
        if (map_ == MAP_FAILED) throw std::runtime_error("phyreplay: there is no sample in " + path);
    }
    ~File() override { munmap(map_, bytes_); }

    uint64_t samples() const override { return repeat_ ? UINT64_MAX : samples_; }

    void get(size_t channel, uint64_t index, size_t n, int, Sample *out) const override {
        channel %= channels_;
        uint64_t at = index % samples_;
        for (size_t i = 0; i < n; i++) {
            out[i] = one(at * channels_ + channel);
            if (++at == samples_) at = 0;
        }
    }

  private:
    enum class Kind { cf32, ci16, ci8, cu8 };

    size_t width() const { return kind_ == Kind::cf32 ? 8 : kind_ == Kind::ci16 ? 4 : 2; }

    Sample one(size_t at) const {
        const char *p = static_cast<const char *>(map_) + at * width();
        switch (kind_) {
        case Kind::cf32: {
            float x[2];
            std::memcpy(x, p, sizeof x);
            return {x[0], x[1]};
        }
        case Kind::ci16: {
            int16_t x[2];
            std::memcpy(x, p, sizeof x);
            return {float(x[0]) * 0x1p-15f, float(x[1]) * 0x1p-15f};
        }
        case Kind::ci8: return {float(int8_t(p[0])) * 0x1p-7f, float(int8_t(p[1])) * 0x1p-7f};
        case Kind::cu8: break;
        }
        return {(float(uint8_t(p[0])) - 127.5f) * 0x1p-7f, (float(uint8_t(p[1])) - 127.5f) * 0x1p-7f};
    }

    static std::string read_meta(const std::string &path) {
        std::ifstream file(path);
        if (!file) throw std::runtime_error("phyreplay: cannot read the file " + path);
        std::string text(1 << 20, '\0'); // the fields that count stand at the beginning; annotations may be endless
        file.read(text.data(), std::streamsize(text.size()));
        text.resize(size_t(file.gcount()));
        return text;
    }

    // The first value of a key: no reader of JSON, but enough for four numbers and names.
    static std::string value(const std::string &text, const std::string &key) {
        auto at = text.find('"' + key + '"');
        if (at == std::string::npos) return "";
        at = text.find_first_not_of(" \t\r\n:", at + key.size() + 2);
        if (at == std::string::npos) return "";
        if (text[at] == '"') return text.substr(at + 1, text.find('"', at + 1) - at - 1);
        return text.substr(at, text.find_first_of(",}] \t\r\n", at) - at);
    }

    Kind kind_ = Kind::cf32;
    size_t channels_, bytes_ = 0;
    uint64_t samples_ = 0;
    void *map_ = MAP_FAILED;
    bool repeat_;
};

} // namespace

std::unique_ptr<Signal> make_signal(Args &args) {
    // A receiver of what is transmitted hears that, unless it is told to hear something else as well.
    const bool hears = !args.text("air", "").empty() || args.text("tx", "") == "loop";
    static const char *const alone[] = {"ramp", "zero", "tone"}, *const hearing[] = {"zero", "ramp", "tone"};
    const auto file = args.text("file", "");
    const std::string which = hears ? hearing[args.choice("signal", hearing)] : alone[args.choice("signal", alone)];
    const auto datatype = args.text("datatype", "cf32_le");
    const auto stored = args.count("file.channels", 1, 64);
    const auto repeat = args.flag("loop", true);
    if (!file.empty()) return std::make_unique<File>(file, datatype, stored, repeat);
    if (which == "zero") return std::make_unique<Zero>();
    if (which == "tone") return std::make_unique<Tone>();
    return std::make_unique<Ramp>();
}

} // namespace phyreplay
